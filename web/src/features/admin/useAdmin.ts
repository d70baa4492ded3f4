/** What the pages of the administration read. */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useCallback, useEffect } from "react";
import { clientsApi, healthApi, invitationsApi, keysApi, peopleApi, tokensApi } from "@/lib/adminApi";
import { membersApi } from "@/lib/api";
import { keys } from "@/lib/keys";
import type { Member, Page } from "@/lib/types";

export function useMembers(w: string) {
  return useQuery({ queryKey: keys.members(w), queryFn: ({ signal }) => membersApi.list(w, signal) });
}

/** The name behind a member's id. */
export function useNames(w: string): (id: string) => string | undefined {
  const { data } = useMembers(w);
  return useCallback(
    (id: string) => {
      const found: Member | undefined = data?.items.find((m) => m.user_id === id);
      return found && (found.name || found.email);
    },
    [data],
  );
}

export function useInvitations(w: string) {
  return useQuery({
    queryKey: keys.admin.invitations(w),
    queryFn: ({ signal }) => invitationsApi.list(w, signal),
  });
}

export function useClients(w: string) {
  return useQuery({ queryKey: keys.admin.clients(w), queryFn: ({ signal }) => clientsApi.list(w, signal) });
}

export function useApiKeys(w: string) {
  return useQuery({ queryKey: keys.admin.apiKeys(w), queryFn: ({ signal }) => keysApi.list(w, signal) });
}

export function useConnectLinks(w: string) {
  return useQuery({ queryKey: keys.admin.links(w), queryFn: ({ signal }) => peopleApi.links(w, signal) });
}

const next = <T>(last: Page<T>) => last.next_cursor || undefined;
const first = undefined as string | undefined;

export function useConnections(w: string) {
  return useInfiniteQuery({
    queryKey: keys.admin.connections(w),
    queryFn: ({ pageParam, signal }) => healthApi.connections(w, pageParam, signal),
    initialPageParam: first,
    getNextPageParam: next,
  });
}

export function useTokens(w: string) {
  return useInfiniteQuery({
    queryKey: keys.admin.tokens(w),
    queryFn: ({ pageParam, signal }) => tokensApi.list(w, pageParam, signal),
    initialPageParam: first,
    getNextPageParam: next,
  });
}

export function useLeases(w: string) {
  return useInfiniteQuery({
    queryKey: keys.admin.leases(w),
    queryFn: ({ pageParam, signal }) => tokensApi.leases(w, pageParam, signal),
    initialPageParam: first,
    getNextPageParam: next,
    refetchInterval: 15_000,
  });
}

export function useDirectory(w: string, q: string, onlyMissing: boolean) {
  return useInfiniteQuery({
    queryKey: keys.admin.directory(w, q, onlyMissing),
    queryFn: ({ pageParam, signal }) =>
      peopleApi.directory(
        w,
        { q: q || undefined, cursor: pageParam, not_connected: onlyMissing || undefined, limit: 50 },
        signal,
      ),
    initialPageParam: first,
    getNextPageParam: next,
    retry: false,
    placeholderData: (previous) => previous,
  });
}

/** Reads a list to its end, page after page: what is counted and searched here has to be whole. */
export function useAll(list: Endless) {
  const { data, hasNextPage, isFetching, isError, fetchNextPage } = list;
  const read = data?.pages.length ?? 0;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a page that came may leave everything else as it was
  useEffect(() => {
    if (hasNextPage && !isFetching && !isError) void fetchNextPage();
  }, [read, hasNextPage, isFetching, isError, fetchNextPage]);
}

interface Endless {
  data?: { pages: unknown[] };
  hasNextPage: boolean;
  isFetching: boolean;
  isError: boolean;
  fetchNextPage: () => unknown;
}

/** The pages of a list as one. */
export const rows = <T>(data: { pages: Page<T>[] } | undefined): T[] => data?.pages.flatMap((p) => p.items) ?? [];
