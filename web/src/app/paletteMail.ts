/** What of the mail the palette finds: people and subjects first, then texts, each with why it was found. */
import { type QueryClient, useQueries, useQuery, useQueryClient } from "@tanstack/react-query";
import { usePaused } from "@/hooks/usePaused";
import { googleIntegrationApi } from "@/lib/api";
import { keys } from "@/lib/keys";
import { excerpt, holds, holdsAll, wordsOf } from "@/lib/searchWords";
import type { Email, EmailListItem, Page } from "@/lib/types";

export interface Hits {
  words: string[];
  people: { name: string; email: string }[];
  /** Sender or subject hold every word. */
  mail: EmailListItem[];
  /** The words stand in the text: with the piece of it where they do. */
  texts: { email: EmailListItem; why: string | undefined }[];
}

const shown = { people: 3, mail: 5, texts: 4 };

const headOf = (e: EmailListItem) => `${e.subject}\n${e.from_name}\n${e.from_email}`;
const senderOf = (e: EmailListItem) => `${e.from_name}\n${e.from_email}`;

/** Each word in the sender or in the subject. */
const headQuery = (words: string[]) =>
  words
    .map((w) => (/\s/.test(w) ? `"${w}"` : w))
    .map((w) => `{from:${w} subject:${w}}`)
    .join(" ");

/** Sorts what was found by any way into people, heads and texts; a conversation stands once. */
export function sorted(found: EmailListItem[], words: string[]) {
  const threads = new Map<string, EmailListItem>();
  for (const e of [...found].sort((a, b) => b.gmail_date.localeCompare(a.gmail_date))) {
    const key = `${e.connection_id}/${e.gmail_thread_id}`;
    const before = threads.get(key);
    if (!before || (!holdsAll(headOf(before), words) && holdsAll(headOf(e), words))) threads.set(key, e);
  }
  const all = [...threads.values()];
  const people = new Map<string, { name: string; email: string }>();
  for (const e of found) {
    const key = e.from_email.toLowerCase();
    if (!people.has(key) && holdsAll(senderOf(e), words)) people.set(key, { name: e.from_name, email: e.from_email });
  }
  return {
    people: [...people.values()].slice(0, shown.people),
    mail: all.filter((e) => holdsAll(headOf(e), words)).slice(0, shown.mail),
    texts: all.filter((e) => !holdsAll(headOf(e), words)).slice(0, shown.texts),
  };
}

/** Mail that is here already answers at once, and for words of which only the beginning was typed. */
function atHand(client: QueryClient, workspaceId: string, words: string[]): EmailListItem[] {
  const lists = client.getQueriesData<{ pages?: Page<EmailListItem>[]; items?: EmailListItem[] }>({
    queryKey: keys.mail.lists(workspaceId),
  });
  return lists
    .flatMap(([, data]) => data?.pages?.flatMap((p) => p.items) ?? data?.items ?? [])
    .filter((e) => holdsAll(headOf(e), words));
}

export function usePaletteMail(workspaceId: string, text: string): Hits {
  const client = useQueryClient();
  const asked = usePaused(text, 120);
  const words = wordsOf(text);
  const wanted = text.length > 1 && words.length > 0;
  const find = (q: string, limit: number) => ({
    queryKey: [...keys.mail.list(workspaceId, { q, limit, threads: true }), "palette"],
    queryFn: ({ signal }: { signal: AbortSignal }) =>
      googleIntegrationApi.emails(workspaceId, { q, limit, threads: true }, signal),
    enabled: asked.length > 1,
    placeholderData: (previous: Page<EmailListItem> | undefined) => previous,
  });
  const heads = useQuery(find(headQuery(wordsOf(asked)) || asked, 10));
  const any = useQuery(find(asked, 20));
  const found = [...(heads.data?.items ?? []), ...(any.data?.items ?? [])];
  const groups = wanted
    ? sorted([...atHand(client, workspaceId, words), ...found], words)
    : { people: [], mail: [], texts: [] };
  const bodies = useQueries({
    queries: groups.texts.map((e) => ({
      queryKey: keys.mail.message(workspaceId, e.id),
      queryFn: ({ signal }: { signal: AbortSignal }) => googleIntegrationApi.email(workspaceId, e.id, signal),
      enabled: !whyOf(e, undefined, words),
      staleTime: 60_000,
    })),
  });
  const texts = groups.texts.map((email, i) => ({
    email,
    why: whyOf(email, bodies[i]?.data, words) ?? email.snippet,
  }));
  return { words: wanted ? words : [], ...groups, texts };
}

/** Where the words stand: in the text, in the address of a recipient, in the name of a file. */
export function whyOf(email: EmailListItem, whole: Email | undefined, words: string[]): string | undefined {
  const to = [...email.to_emails, ...email.cc].find((address) => holds(address, words));
  return (
    excerpt(email.snippet, words) ??
    excerpt(whole?.body_text ?? "", words) ??
    (to && `To ${to}`) ??
    whole?.attachments.map((a) => a.name).find((name) => holds(name, words))
  );
}
