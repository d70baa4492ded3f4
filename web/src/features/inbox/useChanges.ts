/** Changes of mail: shown at once, written to Gmail a moment later, taken back with "Undo" or when Gmail refuses. */
import { type QueryClient, type QueryKey, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { googleIntegrationApi } from "@/lib/api";
import { inLine } from "@/lib/inLine";
import { keys } from "@/lib/keys";
import { onLive } from "@/lib/live";
import { outdate } from "@/lib/outdate";
import type { Change, Email, EmailListItem, EmailQuery } from "@/lib/types";
import { cannotUndo, canUndo, undoLast } from "@/lib/undoing";
import { hush, say, sayFailed } from "@/ui/toast";
import { applied, changed, done, keyOf, type Pages, restored, type Wish } from "./changes";
import type { Thread } from "./threads";

interface Shown {
  lists: { key: QueryKey; before: EmailListItem[] }[];
  threads: { key: QueryKey; before: Email[] }[];
}

/** Changes everything that the cache shows of these conversations, and remembers how it was. */
function show(client: QueryClient, w: string, meant: ReadonlySet<string>, wish: Wish): Shown {
  const shown: Shown = { lists: [], threads: [] };
  for (const [key, data] of client.getQueriesData<Pages>({ queryKey: keys.mail.lists(w) })) {
    if (!data?.pages) continue;
    const { data: now, before } = applied(data, (key[3] ?? {}) as EmailQuery, meant, wish);
    if (before.length === 0) continue;
    shown.lists.push({ key, before });
    client.setQueryData(key, now);
  }
  for (const [key, data] of client.getQueriesData<{ items: Email[] }>({ queryKey: keys.mail.threads(w) })) {
    if (!data?.items.some((m) => meant.has(keyOf(m)))) continue;
    shown.threads.push({ key, before: data.items });
    client.setQueryData(key, { ...data, items: data.items.map((m) => (meant.has(keyOf(m)) ? changed(m, wish) : m)) });
  }
  return shown;
}

function putBack(client: QueryClient, shown: Shown) {
  for (const { key, before } of shown.lists) {
    client.setQueryData<Pages>(key, (now) => now && restored(now, before));
  }
  for (const { key, before } of shown.threads) {
    client.setQueryData<{ items: Email[] }>(key, (now) => now && { ...now, items: before });
  }
}

interface Last {
  undo: () => void;
  /** Its changes, when the server has taken them. */
  ids: string[];
}

export type ChangeMail = (threads: Thread[], wish: Wish, quiet?: boolean) => void;

export function useChanges(workspaceId: string) {
  const client = useQueryClient();
  const last = useRef<Last | undefined>(undefined);
  /** One change has a way back, the last one. */
  const keep = useCallback((next?: Last) => {
    cannotUndo(last.current?.undo);
    last.current = next;
    if (next) canUndo(next.undo);
  }, []);
  /** Gmail may refuse before the server's answer is here. */
  const refused = useRef(new Set<string>());
  const forget = useCallback(
    (id: string) => {
      refused.current.add(id);
      if (!last.current?.ids.includes(id)) return;
      keep();
      hush(toastId);
    },
    [keep],
  );
  useEffect(() => () => keep(), [keep]);
  const returned = useReturned(workspaceId, forget);
  const stale = useCallback(() => {
    void client.invalidateQueries({ queryKey: keys.mail.all(workspaceId) });
    void client.invalidateQueries({ queryKey: keys.google.status(workspaceId) });
  }, [client, workspaceId]);

  const change: ChangeMail = useCallback(
    (threads, wish, quiet = false) => {
      if (threads.length === 0) return;
      const meant = new Set(threads.map((t) => keyOf(t.newest)));
      outdate(client, keys.mail.lists(workspaceId), keys.mail.threads(workspaceId));
      const shown = show(client, workspaceId, meant, wish);
      const asked = ask(workspaceId, threads, wish);
      asked.then(stale, (error) => {
        putBack(client, shown);
        stale();
        if (quiet) return;
        keep();
        hush(toastId);
        returned.mark([...meant]);
        sayFailed(`${done(wish, threads.length)}: taken back`, error);
      });
      if (quiet) return;
      const undo = () => {
        keep();
        hush(toastId);
        outdate(client, keys.mail.lists(workspaceId), keys.mail.threads(workspaceId));
        putBack(client, shown);
        returned.mark([...meant]);
        void asked
          .then((changes) => Promise.all(changes.map((c) => googleIntegrationApi.undoChange(workspaceId, c.id))))
          .catch((error) => sayFailed("It could not be undone", error))
          .finally(stale);
      };
      const mine: Last = { undo, ids: [] };
      keep(mine);
      void asked.then(
        (changes) => {
          mine.ids = changes.map((c) => c.id);
          for (const id of mine.ids) if (refused.current.has(id)) forget(id);
        },
        () => undefined,
      );
      say({ id: toastId, text: done(wish, threads.length), actions: [{ label: "Undo", keys: "Z", run: undo }] });
    },
    [client, workspaceId, stale, keep, forget, returned.mark],
  );
  return useMemo(() => ({ change, undoLast, returned: returned.keys }), [change, returned.keys]);
}

const toastId = "mail change";

/** One request for each mailbox, in line: starred and not starred again must come in this order. */
function ask(workspaceId: string, threads: Thread[], { action, label }: Wish): Promise<Change[]> {
  const byBox = new Map<string, string[]>();
  for (const { id, newest } of threads) {
    byBox.set(newest.connection_id, [...(byBox.get(newest.connection_id) ?? []), id]);
  }
  return Promise.all(
    [...byBox].map(([connection_id, thread_ids]) =>
      inLine(`mail of ${connection_id}`, () =>
        googleIntegrationApi.change(
          workspaceId,
          { connection_id, thread_ids, action, label_id: label?.id },
          crypto.randomUUID(),
        ),
      ),
    ),
  );
}

const glow = 4000;

/** Rows that came back are marked for a moment, so that one sees which. What Gmail refuses is told with its reason. */
function useReturned(workspaceId: string, onRefused: (change: string) => void) {
  const client = useQueryClient();
  const [found, setFound] = useState<ReadonlySet<string>>(new Set());
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const mark = useCallback((names: string[]) => {
    clearTimeout(timer.current);
    setFound(new Set(names));
    timer.current = setTimeout(() => setFound(new Set()), glow);
  }, []);
  useEffect(
    () =>
      onLive((event) => {
        if (event.name !== "mail.refused") return;
        const { ids = [], reason, change_id } = (event.data ?? {}) as Refusal;
        if (change_id) onRefused(change_id);
        say({
          id: `refused ${change_id}`,
          title: ids.length === 1 ? "Gmail did not take a change" : `Gmail did not take a change of ${ids.length}`,
          text: `${reason || "It gave no reason."} Everything is as it was.`,
          failed: true,
          ms: 20_000,
        });
        mark(ids);
        void client.invalidateQueries({ queryKey: keys.mail.all(workspaceId) });
      }),
    [client, workspaceId, mark, onRefused],
  );
  useEffect(() => () => clearTimeout(timer.current), []);
  return { keys: found, mark };
}

interface Refusal {
  change_id?: string;
  ids?: string[];
  reason?: string;
}
