/**
 * The hooks that other front ends may use too. They need a `QueryClientProvider` above them and the session cookie
 * (or a proxy that adds a key) on the same origin; nothing else of this application.
 */
import { type InfiniteData, useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useMemo } from "react";
import { googleIntegrationApi } from "../lib/api";
import { isHeld, isSyncing as readsMailbox } from "../lib/connection";
import { keys } from "../lib/keys";
import type { Email, EmailListItem, EmailQuery, GoogleStatus, Outgoing, Page, SendEmail, Service } from "../lib/types";

const quick = 2_000;
const held = 10_000;
const slow = 30_000;

/**
 * How often to ask again: events tell of changes, so this only covers a broken stream, and the seconds in which
 * counts move.
 */
const pollEvery = (status: GoogleStatus | undefined) =>
  status && (readsMailbox(status) || status.status === "connecting") ? quick : isHeld(status) ? held : slow;

/** The state of the caller's connection in this workspace, kept current. */
export function useGoogleIntegrationStatus(workspaceId: string, connectionId?: string) {
  const query = useQuery({
    queryKey: keys.google.status(workspaceId, connectionId),
    queryFn: ({ signal }) => googleIntegrationApi.status(workspaceId, connectionId, signal),
    refetchInterval: (q) => pollEvery(q.state.data),
  });
  const { refetch } = query;
  const refresh = useCallback(async () => {
    await refetch();
  }, [refetch]);
  return { status: query.data, isLoading: query.isPending, error: query.error, refresh };
}

export interface ConnectOptions {
  /** Reconnect or add permissions to this connection instead of adding one. */
  connectionId?: string;
  /** The path of the page that Google's answer returns to. */
  returnTo?: string;
}

/** Connecting sends the browser to Google; it does not come back from that promise. */
export function useGoogleIntegrationConnect(
  workspaceId: string,
  go: (url: string) => void = (url) => location.assign(url),
) {
  const client = useQueryClient();
  const connecting = useMutation({
    mutationFn: async ({ services, options }: { services: Service[]; options: ConnectOptions }) => {
      const { authorization_url } = await googleIntegrationApi.connect(workspaceId, services, {
        connection_id: options.connectionId,
        return_to: options.returnTo ?? location.pathname,
      });
      go(authorization_url);
    },
  });
  const disconnecting = useMutation({
    mutationFn: (options: { deleteData?: boolean; connectionId?: string }) =>
      googleIntegrationApi.disconnect(workspaceId, {
        delete_data: options.deleteData ?? false,
        connection_id: options.connectionId,
      }),
    onSettled: () =>
      Promise.all([
        client.invalidateQueries({ queryKey: keys.google.all(workspaceId) }),
        client.invalidateQueries({ queryKey: keys.mail.all(workspaceId) }),
      ]),
  });
  return {
    connect: (services: Service[], options: ConnectOptions = {}) => connecting.mutateAsync({ services, options }),
    disconnect: (options: { deleteData?: boolean; connectionId?: string } = {}) =>
      disconnecting.mutateAsync(options).then(() => undefined),
    isConnecting: connecting.isPending,
    isDisconnecting: disconnecting.isPending,
    error: connecting.error ?? disconnecting.error,
  };
}

export interface SendOptions {
  /** Nothing is sent twice under one key: give one for each message that a person writes. */
  idempotencyKey?: string;
}

const pageSize = 50;

/** The workspace's mail that the caller may see, newest first, page by page. */
export function useGoogleEmails(workspaceId: string, query: EmailQuery = {}) {
  const client = useQueryClient();
  const list = useInfiniteQuery({
    queryKey: keys.mail.list(workspaceId, query),
    queryFn: ({ pageParam, signal }) =>
      googleIntegrationApi.emails(workspaceId, { limit: pageSize, ...query, cursor: pageParam }, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last: Page<EmailListItem>) => last.next_cursor || undefined,
  });
  const syncing = useMutation({
    // No longer: while Google does not answer, a run does not end.
    mutationFn: () => googleIntegrationApi.sync(workspaceId, { wait: "8s", connection_id: query.connection_id }),
    onSettled: () =>
      Promise.all([
        client.invalidateQueries({ queryKey: keys.mail.all(workspaceId) }),
        client.invalidateQueries({ queryKey: keys.google.all(workspaceId) }),
      ]),
  });
  const { refetch, fetchNextPage } = list;
  const refresh = useCallback(async () => {
    await refetch();
  }, [refetch]);
  const loadMore = useCallback(async () => {
    await fetchNextPage();
  }, [fetchNextPage]);
  const getEmail = useCallback(
    (id: string): Promise<Email> =>
      client.fetchQuery({
        queryKey: keys.mail.message(workspaceId, id),
        queryFn: ({ signal }) => googleIntegrationApi.email(workspaceId, id, signal),
      }),
    [client, workspaceId],
  );
  const sendEmail = useCallback(
    (message: SendEmail, options: SendOptions = {}): Promise<Outgoing> =>
      googleIntegrationApi
        .send(workspaceId, message, options.idempotencyKey ?? crypto.randomUUID())
        .finally(() => client.invalidateQueries({ queryKey: keys.outgoing.outbox(workspaceId) })),
    [client, workspaceId],
  );
  const linkToRecord = useCallback(
    async (id: string, recordId: string) => {
      await googleIntegrationApi.linkToRecord(workspaceId, id, { record_id: recordId });
      await client.invalidateQueries({ queryKey: keys.mail.all(workspaceId) });
    },
    [client, workspaceId],
  );
  return {
    emails: useMemo(() => flatten(list.data), [list.data]),
    isLoading: list.isPending,
    isSyncing: syncing.isPending,
    error: list.error,
    refresh,
    sync: () => syncing.mutateAsync(),
    getEmail,
    sendEmail,
    linkToRecord,
    /** Messages that match, where the server counted them. */
    total: list.data?.pages[0]?.total,
    hasMore: list.hasNextPage,
    isLoadingMore: list.isFetchingNextPage,
    loadMore,
  };
}

/** The pages as one list. A message that moved between two pages while they were read stands once. */
export function flatten(data: InfiniteData<Page<EmailListItem>> | undefined): EmailListItem[] {
  const seen = new Set<string>();
  const items: EmailListItem[] = [];
  for (const page of data?.pages ?? []) {
    for (const item of page.items) {
      if (seen.has(item.id)) continue;
      seen.add(item.id);
      items.push(item);
    }
  }
  return items;
}

/** All messages of one conversation, oldest first. Thread ids are Gmail's: with several accounts, name the connection. */
export function useGoogleThread(workspaceId: string, threadId: string | undefined, connectionId?: string) {
  const query = useQuery({
    queryKey: keys.mail.thread(workspaceId, threadId ?? "", connectionId),
    queryFn: ({ signal }) => googleIntegrationApi.thread(workspaceId, threadId ?? "", connectionId, signal),
    enabled: Boolean(threadId),
    staleTime: 30_000,
  });
  return { messages: query.data?.items, isLoading: query.isPending, error: query.error, refresh: query.refetch };
}

/** The labels of the mailbox, with the counts of what is stored. */
export function useGoogleLabels(workspaceId: string, connectionId?: string) {
  const query = useQuery({
    queryKey: connectionId ? [...keys.mail.labels(workspaceId), connectionId] : keys.mail.labels(workspaceId),
    queryFn: ({ signal }) => googleIntegrationApi.labels(workspaceId, connectionId, signal),
    staleTime: 60_000,
  });
  return { labels: query.data?.items ?? [], isLoading: query.isPending, error: query.error };
}
