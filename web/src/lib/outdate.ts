import type { QueryClient, QueryKey } from "@tanstack/react-query";

/** Answers that are on their way were asked for before what is shown now: they must not come over it. */
export function outdate(client: QueryClient, ...queryKeys: QueryKey[]) {
  for (const queryKey of queryKeys)
    void client.cancelQueries({ queryKey, predicate: (q) => q.state.data !== undefined });
}
