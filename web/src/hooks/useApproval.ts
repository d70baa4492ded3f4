import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { approvalApi } from "@/lib/adminApi";
import { keys } from "@/lib/keys";

/** What the workspace has decided about Google. Members may read it, too. */
export function useApproval(workspaceId: string, enabled = true) {
  return useQuery({
    queryKey: keys.approval(workspaceId),
    queryFn: ({ signal }) => approvalApi.get(workspaceId, signal),
    enabled,
  });
}

/** Tells the administrators that somebody waits. Asking twice changes the note. */
export function useAskApproval(workspaceId: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (note: string) => approvalApi.ask(workspaceId, note),
    onSettled: () => client.invalidateQueries({ queryKey: keys.approval(workspaceId) }),
  });
}
