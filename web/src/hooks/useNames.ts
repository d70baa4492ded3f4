/** The names behind members' ids. */
import { useQueries } from "@tanstack/react-query";
import { useCallback } from "react";
import { membersApi } from "@/lib/api";
import { keys } from "@/lib/keys";
import type { Member } from "@/lib/types";

/** What the server takes at once: so many ids, of so many characters together with the commas. */
const most = 100;
const longest = 4000;

interface Batch {
  ids: string[];
  answer: Promise<Map<string, Member>>;
}

const gathering = new Map<string, Batch>();

/** Finds a member by id, null when there is none. What is asked for at the same moment goes in one call. */
export async function memberById(w: string, id: string): Promise<Member | null> {
  if (id.includes(",") || id.length > 64) return null; // the name a program has for its user
  let batch = gathering.get(w);
  if (!batch || batch.ids.length >= most || batch.ids.join().length + 1 + id.length > longest) {
    const ids: string[] = [];
    const answer = new Promise<void>((done) => setTimeout(done, 0)).then(async () => {
      if (gathering.get(w)?.ids === ids) gathering.delete(w);
      const { items } = await membersApi.list(w, { user_ids: ids.join(","), limit: most });
      return new Map(items.map((m) => [m.user_id, m]));
    });
    batch = { ids, answer };
    gathering.set(w, batch);
  }
  batch.ids.push(id);
  return (await batch.answer).get(id) ?? null;
}

/** The name behind each of these ids, once it is known; undefined for those who are no members. */
export function useNames(w: string, ids: (string | undefined)[]): (id: string) => string | undefined {
  const wanted = [...new Set(ids)].filter((id) => id !== undefined && id !== "") as string[];
  const found = useQueries({
    queries: wanted.map((id) => ({
      queryKey: keys.member(w, id),
      queryFn: () => memberById(w, id),
      staleTime: 60_000,
    })),
    combine: namesOf,
  });
  return useCallback((id: string) => found.get(id), [found]);
}

const namesOf = (answers: { data?: Member | null }[]) =>
  new Map(answers.flatMap(({ data }) => (data ? [[data.user_id, data.name || data.email] as const] : [])));
