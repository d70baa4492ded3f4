import { useApproval } from "@/hooks/useApproval";
import { isAdmin, useSession } from "./session";

/** How many members wait for an approval; nobody for those who cannot give it. */
export function useOpenRequests(): number {
  const { workspace } = useSession();
  return useApproval(workspace.id, isAdmin(workspace)).data?.requests.length ?? 0;
}
