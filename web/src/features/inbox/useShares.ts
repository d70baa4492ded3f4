/** Who has a conversation of one's own, and how that is changed. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { googleIntegrationApi } from "@/lib/api";
import { keys } from "@/lib/keys";
import type { Share } from "@/lib/types";

/** Shares of the whole conversation; those of one message stand apart. */
export const ofThread = (shares: Share[]) => shares.filter((s) => !s.email_id);

export const membersOf = (shares: Share[]): string[] => [...new Set(ofThread(shares).flatMap((s) => s.user_ids))];

export function useShares(workspaceId: string, connection_id: string, thread_id: string, enabled = true) {
  const client = useQueryClient();
  const key = keys.mail.shares(workspaceId, connection_id, thread_id);
  const query = useQuery({
    queryKey: key,
    queryFn: ({ signal }) => googleIntegrationApi.shares(workspaceId, connection_id, thread_id, signal),
    enabled,
  });
  const shares = query.data?.items ?? [];
  const change = useMutation({
    mutationFn: async ({ who, on }: { who: string | "workspace"; on: boolean }) => {
      const everybody = who === "workspace";
      const wish = { connection_id, thread_id };
      if (on) {
        await googleIntegrationApi.share(workspaceId, {
          ...wish,
          ...(everybody ? { workspace: true } : { user_ids: [who] }),
        });
        return;
      }
      for (const s of ofThread(shares).filter((x) => (everybody ? x.workspace : x.user_ids.includes(who)))) {
        const rest = everybody ? s.user_ids : s.user_ids.filter((u) => u !== who);
        const workspace = everybody ? false : s.workspace;
        // The others first: nobody loses it who keeps it.
        if (rest.length > 0 || workspace)
          await googleIntegrationApi.share(workspaceId, { ...wish, user_ids: rest, workspace });
        await googleIntegrationApi.unshare(workspaceId, s.id);
      }
    },
    onSettled: () => client.invalidateQueries({ queryKey: keys.mail.all(workspaceId) }),
  });
  return { shares, isLoading: query.isPending, error: query.error, refresh: query.refetch, change };
}
