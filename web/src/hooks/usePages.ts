/** Lists that come page after page. */
import { type QueryKey, useInfiniteQuery } from "@tanstack/react-query";
import type { Page } from "@/lib/types";

interface Options<T> {
  queryKey: QueryKey;
  read: (cursor: string | undefined, signal: AbortSignal) => Promise<Page<T>>;
  /** Shows what was there until the answer to another question has come. */
  keep?: boolean;
  enabled?: boolean;
  /** Milliseconds until it is read again by itself. */
  every?: number;
  /** A failure is told at once. */
  retry?: false;
}

export function usePages<T>({ queryKey, read, keep, enabled, every, retry }: Options<T>) {
  return useInfiniteQuery({
    queryKey,
    queryFn: ({ pageParam, signal }) => read(pageParam, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last: Page<T>) => last.next_cursor || undefined,
    placeholderData: keep ? (previous) => previous : undefined,
    enabled,
    refetchInterval: every,
    ...(retry === undefined ? {} : { retry }),
  });
}

/** The pages of a list as one. */
export const rows = <T>(data: { pages: Page<T>[] } | undefined): T[] => data?.pages.flatMap((p) => p.items) ?? [];
