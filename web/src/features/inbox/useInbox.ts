/** What the inbox shows and which row is meant, kept in the address so that "back" and a link lead to the same place. */
import { useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import type { InboxSearch } from "@/app/paths";
import { useGoogleEmails } from "@/hooks/useGoogleIntegration";
import { googleIntegrationApi } from "@/lib/api";
import { keys } from "@/lib/keys";
import { queryText } from "@/lib/search";
import type { EmailQuery } from "@/lib/types";
import { groupThreads, placeOf, type Thread } from "./threads";

export const allMail = "ALL";
/** Lists of what is written, in place of mail that is here. */
export const outbox = "OUTBOX";
export const drafts = "DRAFT";
/** What colleagues let the reader see. It never stands among the reader's own mail. */
export const colleagues = "COLLEAGUES";

/** The label that is really asked for: searching looks everywhere unless a label was chosen. */
export const effectiveLabel = (search: InboxSearch): string =>
  search.label ?? (search.q || search.files || search.starred || search.record ? allMail : "INBOX");

/** Who searches or filters means mail, and leaves what is written. */
export const place = (now: InboxSearch, next: Partial<InboxSearch>): Partial<InboxSearch> =>
  (now.label === outbox || now.label === drafts) && (next.q || next.unread || next.files || next.starred || next.record)
    ? { label: undefined }
    : {};

/** Own mail only, that of colleagues only, or both: a search of all mail is one of all that the reader may see. */
function whose({ q, account, record }: InboxSearch, label: string): boolean | undefined {
  if (label === colleagues) return false;
  return account || record || (q && label === allMail) ? undefined : true;
}

export function emailQuery(search: InboxSearch): EmailQuery {
  const label = effectiveLabel(search);
  return {
    q: queryText(search.q, search.files, search.starred),
    label: label === allMail || label === colleagues ? undefined : label,
    mine: whose(search, label),
    is_unread: search.unread,
    connection_id: label === colleagues ? undefined : search.account,
    record_id: search.record,
    threads: true,
  };
}

export function useInbox(workspaceId: string) {
  const search = useSearch({ from: "/crm/inbox" });
  const navigate = useNavigate({ from: "/crm/inbox" });
  const query = useMemo(() => emailQuery(search), [search]);
  const mail = useGoogleEmails(workspaceId, query);
  const threads = useMemo(() => groupThreads(mail.emails), [mail.emails]);
  const [cursor, setCursor] = useState<string | undefined>(search.thread);
  /** The row that shall have the focus: whoever moves with the keys is there for Enter and for a screen reader. */
  const wanted = useRef<string | undefined>(undefined);
  const [, look] = useState(0);
  const prefetch = usePrefetch(workspaceId);

  useEffect(() => {
    if (search.thread) setCursor(search.thread);
  }, [search.thread]);

  const change = useCallback(
    (next: Partial<InboxSearch>, replace = true) =>
      void navigate({ search: (now) => ({ ...now, ...place(now, next), ...next }), replace, resetScroll: false }),
    [navigate],
  );
  const open = useCallback(
    (thread: Thread) => change(placeOf(thread), search.thread !== undefined),
    [change, search.thread],
  );
  const close = useCallback(() => {
    wanted.current = search.thread;
    change({ thread: undefined, box: undefined });
  }, [change, search.thread]);

  const at = threads.findIndex((t) => t.id === cursor);
  const step = (by: number) => {
    const next = threads[at < 0 ? 0 : Math.min(threads.length - 1, Math.max(0, at + by))];
    if (!next) return;
    setCursor(next.id);
    wanted.current = next.id;
    look((n) => n + 1); // also where the mark stays
    if (search.thread) open(next);
    else prefetch(next);
  };
  useEffect(() => {
    if (!search.thread) return;
    for (const neighbour of [threads[at + 1], threads[at - 1]]) if (at >= 0 && neighbour) prefetch(neighbour);
  }, [search.thread, at, threads, prefetch]);
  const mark = useCallback((id: string | undefined) => {
    setCursor(id);
    wanted.current = id;
  }, []);
  return { search, query, mail, threads, cursor, setCursor, mark, wanted, at, change, open, close, step, prefetch };
}

/** Reads a conversation ahead, so that opening it takes no time. */
function usePrefetch(workspaceId: string) {
  const client = useQueryClient();
  return useCallback(
    ({ id, newest }: Thread) =>
      void client.prefetchQuery({
        queryKey: keys.mail.thread(workspaceId, id, newest.connection_id),
        queryFn: ({ signal }) => googleIntegrationApi.thread(workspaceId, id, newest.connection_id, signal),
        staleTime: 30_000,
      }),
    [client, workspaceId],
  );
}
