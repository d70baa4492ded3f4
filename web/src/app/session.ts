import { type QueryClient, useQuery, useSuspenseQuery } from "@tanstack/react-query";
import { sessionApi } from "@/lib/api";
import { keys } from "@/lib/keys";
import { read, write } from "@/lib/remember";
import type { Me, Workspace } from "@/lib/types";
import { forgetUndos } from "@/lib/undoing";
import { hushAll } from "@/ui/toast";

export const meQuery = {
  queryKey: keys.me,
  queryFn: ({ signal }: { signal?: AbortSignal }) => sessionApi.me(signal),
  staleTime: 5 * 60_000,
};

/** The workspace last used in this browser, or the first. */
function chosen(me: Me): Workspace {
  const last = read<string>("workspace", "");
  const workspace = me.workspaces.find((w) => w.id === last) ?? me.workspaces[0];
  if (!workspace) throw new Error("You are not a member of any workspace. Ask its owner to add you.");
  return workspace;
}

export function chooseWorkspace(id: string) {
  write("workspace", id);
  location.assign("/crm");
}

/** Forgets what is of a session that ended: what was read, what Z takes back, and lines with a way back. */
export function forgetSession(client: QueryClient) {
  client.clear();
  forgetUndos();
  hushAll();
}

/** Who is signed in and where. Pages below the guard always have it. */
export function useSession() {
  const { data } = useSuspenseQuery(meQuery);
  return { user: data.user, workspaces: data.workspaces, workspace: chosen(data) };
}

export const useWorkspaceId = () => useSession().workspace.id;

export function useSetupState() {
  return useQuery({ queryKey: keys.setup, queryFn: ({ signal }) => sessionApi.setupState(signal), staleTime: 60_000 });
}

export const isAdmin = (workspace: Workspace): boolean => workspace.role !== "member";
