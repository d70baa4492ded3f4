/** What the settings do with one connection. */
import { notifications } from "@mantine/notifications";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { googleIntegrationApi } from "@/lib/api";
import { keys } from "@/lib/keys";
import { explain } from "@/lib/problem";
import type { SettingsChange } from "@/lib/types";

const complain = (title: string) => (error: unknown) => {
  const { message, reference } = explain(error);
  notifications.show({ color: "red", title, message: reference ? `${message} (reference ${reference})` : message });
};

/** Changes settings; the page shows them when the server has taken them. */
export function useChange(workspaceId: string, connectionId: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (change: SettingsChange) =>
      googleIntegrationApi.changeSettings(workspaceId, { ...change, connection_id: connectionId }),
    onSuccess: () => client.invalidateQueries({ queryKey: keys.google.all(workspaceId) }),
    onError: complain("The setting was not changed"),
  });
}

export function useSync(workspaceId: string, connectionId: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ full }: { full?: boolean }) =>
      googleIntegrationApi.sync(workspaceId, { wait: full ? undefined : "30s", full, connection_id: connectionId }),
    onError: complain("Sync did not work"),
    onSettled: () =>
      Promise.all([
        client.invalidateQueries({ queryKey: keys.google.all(workspaceId) }),
        client.invalidateQueries({ queryKey: keys.mail.all(workspaceId) }),
      ]),
  });
}

export function useRuns(workspaceId: string, connectionId: string) {
  return useQuery({
    queryKey: [...keys.google.runs(workspaceId), connectionId],
    queryFn: ({ signal }) => googleIntegrationApi.runs(workspaceId, connectionId, signal),
    enabled: connectionId !== "",
  });
}

export function useFailures(workspaceId: string, connectionId: string) {
  return useQuery({
    queryKey: [...keys.google.failures(workspaceId), connectionId],
    queryFn: ({ signal }) => googleIntegrationApi.failures(workspaceId, connectionId, signal),
    enabled: connectionId !== "",
  });
}

export function useRetry(workspaceId: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => googleIntegrationApi.retryFailure(workspaceId, id),
    onSuccess: () => client.invalidateQueries({ queryKey: keys.google.all(workspaceId) }),
    onError: complain("The message could not be tried again"),
  });
}

export function useVerify(workspaceId: string, connectionId: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => googleIntegrationApi.verify(workspaceId, { wait: "60s", connection_id: connectionId }),
    onError: complain("The check did not finish"),
    onSettled: () => client.invalidateQueries({ queryKey: keys.google.all(workspaceId) }),
  });
}

/** What an import would be. Asked again only for other choices. */
export function usePreview(
  workspaceId: string,
  connectionId: string,
  labels: string[],
  limit: number,
  enabled: boolean,
) {
  return useQuery({
    queryKey: [...keys.google.preview(workspaceId, labels, limit), connectionId],
    queryFn: () => googleIntegrationApi.preview(workspaceId, { labels, limit, connection_id: connectionId }),
    enabled,
    staleTime: 60_000,
    retry: false,
  });
}
