/** What the pages of the administration read. */
import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { usePages } from "@/hooks/usePages";
import { clientsApi, healthApi, invitationsApi, keysApi, peopleApi, tokensApi } from "@/lib/adminApi";
import { membersApi } from "@/lib/api";
import { keys } from "@/lib/keys";
import type { KeyState } from "@/lib/types";

/** Members whose name or address holds the words. */
export function useMembers(w: string, q = "") {
  return usePages({
    queryKey: keys.memberList(w, q),
    read: (cursor, signal) => membersApi.list(w, { q: q || undefined, cursor }, signal),
    keep: true,
  });
}

/** How many owners there are, counted up to two: what matters is who is the last one. */
export function useOwners(w: string): number {
  const { data } = useQuery({
    queryKey: keys.owners(w),
    queryFn: ({ signal }) => membersApi.list(w, { role: "owner", limit: 2 }, signal),
  });
  return data?.items.length ?? 1;
}

export function useInvitations(w: string) {
  return usePages({
    queryKey: keys.admin.invitations(w),
    read: (cursor, signal) => invitationsApi.open(w, cursor, signal),
  });
}

export function useClients(w: string) {
  return useQuery({ queryKey: keys.admin.clients(w), queryFn: ({ signal }) => clientsApi.list(w, signal) });
}

export function useApiKeys(w: string, state: KeyState) {
  return usePages({
    queryKey: [...keys.admin.apiKeys(w), state],
    read: (cursor, signal) => keysApi.list(w, state, cursor, signal),
  });
}

export function useConnectLinks(w: string) {
  return usePages({
    queryKey: keys.admin.links(w),
    read: (cursor, signal) => peopleApi.openLinks(w, cursor, signal),
  });
}

export function useConnections(w: string) {
  return usePages({
    queryKey: keys.admin.connections(w),
    read: (cursor, signal) => healthApi.connections(w, cursor, signal),
  });
}

export function useTokens(w: string) {
  return usePages({
    queryKey: keys.admin.tokens(w),
    read: (cursor, signal) => tokensApi.list(w, cursor, signal),
  });
}

export function useLeases(w: string) {
  return usePages({
    queryKey: keys.admin.leases(w),
    read: (cursor, signal) => tokensApi.leases(w, cursor, signal),
    every: 15_000,
  });
}

export function useDirectory(w: string, q: string, onlyMissing: boolean) {
  return usePages({
    queryKey: keys.admin.directory(w, q, onlyMissing),
    read: (cursor, signal) =>
      peopleApi.directory(w, { q: q || undefined, cursor, not_connected: onlyMissing || undefined, limit: 50 }, signal),
    retry: false,
    keep: true,
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
