/** What a key or a button changes: the ticked conversations, else the open one, else the one under the mark. */
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { useGoogleLabels } from "@/hooks/useGoogleIntegration";
import { googleIntegrationApi } from "@/lib/api";
import { keys } from "@/lib/keys";
import type { Email, GoogleStatus } from "@/lib/types";
import { sayFailed } from "@/ui/toast";
import type { Labelling } from "./BulkBar";
import { belongs, changed, type Wish } from "./changes";
import type { Thread } from "./threads";
import { useChanges } from "./useChanges";
import type { useInbox } from "./useInbox";
import { canChange, type Selection, useSelection } from "./useSelection";

/** A conversation that is not in the list, from its messages. */
function threadOf(messages: Email[] | undefined): Thread | undefined {
  const newest = messages?.at(-1);
  if (!messages || !newest) return undefined;
  return {
    id: newest.gmail_thread_id,
    newest: { ...newest, labels: [...new Set(messages.flatMap((m) => m.labels))] },
    unread: messages.some((m) => !m.is_read),
    starred: messages.some((m) => m.is_starred),
    files: messages.some((m) => m.has_attachments),
    count: messages.length,
    senders: newest.thread_senders,
  };
}

type Inbox = ReturnType<typeof useInbox>;

export function useMailActions(
  workspaceId: string,
  inbox: Inbox,
  messages: Email[] | undefined,
  status: GoogleStatus | undefined,
) {
  const { threads, search, at } = inbox;
  const selection = useSelection(JSON.stringify(inbox.query), threads);
  const changes = useChanges(workspaceId);
  const opened = search.thread ? threadOf(messages) : undefined;
  const marked = threads[at];
  const one = search.thread ? opened : marked;
  const targets = selection.threads.length > 0 ? selection.threads : one && canChange(one) ? [one] : [];
  useReading(opened, changes.change);

  /** Where one goes on when what was read or marked leaves the list. */
  const goOn = (meant: Thread[], wish: Wish) => {
    const leaves = (t: Thread) => !belongs(changed(t.newest, wish), inbox.query);
    const gone = new Set(meant.filter(leaves).map((t) => t.id));
    const next = threads.slice(Math.max(0, at)).find((t) => !gone.has(t.id));
    const before = threads.slice(0, Math.max(0, at)).findLast((t) => !gone.has(t.id));
    if (search.thread && meant.some((t) => t.id === search.thread)) {
      if (wish.action === "unread") inbox.close();
      else if (gone.has(search.thread)) {
        if (next) inbox.open(next);
        else inbox.close();
      }
    } else if (marked && gone.has(marked.id)) inbox.mark((next ?? before)?.id);
  };
  const change = (wish: Wish, meant: Thread[] = targets) => {
    if (meant.length === 0) return;
    goOn(meant, wish);
    changes.change(meant, wish);
    if (meant === selection.threads) selection.clear();
  };
  const labelling = useLabelling(workspaceId, status, selection, opened, targets, change);
  return {
    selection,
    returned: changes.returned,
    undo: changes.undoLast,
    opened,
    targets,
    change,
    changeRow: (thread: Thread, wish: Wish) => change(wish, [thread]),
    ...labelling,
    tick: (thread: Thread | undefined, range = false) => thread && selection.toggle(thread, range),
    marked,
  };
}

/** Whoever opens a conversation has read it. What Gmail does not take is not asked again. */
function useReading(opened: Thread | undefined, change: ReturnType<typeof useChanges>["change"]) {
  const done = useRef<string>(undefined);
  const unread = opened?.unread && canChange(opened) ? opened.id : undefined;
  // biome-ignore lint/correctness/useExhaustiveDependencies: once for each time that it is opened
  useEffect(() => {
    if (opened?.id !== done.current) done.current = undefined;
    if (!unread || !opened || done.current === unread) return;
    done.current = unread;
    change([opened], { action: "read" }, true);
  }, [opened?.id, unread]);
}

type Place = "bar" | "thread";

function useLabelling(
  workspaceId: string,
  status: GoogleStatus | undefined,
  selection: Selection,
  opened: Thread | undefined,
  targets: Thread[],
  change: (wish: Wish, meant?: Thread[]) => void,
) {
  const client = useQueryClient();
  const [place, setPlace] = useState<Place>();
  const box = targets[0]?.newest.connection_id;
  const { labels } = useGoogleLabels(workspaceId, box === status?.connection_id ? undefined : box);
  const create = async (name: string, meant: Thread[]) => {
    try {
      const label = await googleIntegrationApi.createLabel(workspaceId, name, meant[0]?.newest.connection_id);
      void client.invalidateQueries({ queryKey: keys.mail.labels(workspaceId) });
      change({ action: "add_label", label }, meant);
    } catch (error) {
      sayFailed("The label was not made", error);
    }
  };
  const at = (where: Place, threads: Thread[]): Labelling => ({
    opened: place === where,
    onOpened: (now) => setPlace(now ? where : undefined),
    labels,
    threads,
    onChoose: ({ label, on }) => change({ action: on ? "add_label" : "remove_label", label }, threads),
    onCreate: (name) => void create(name, threads),
  });
  return {
    barLabels: at("bar", selection.threads),
    threadLabels: at("thread", opened ? [opened] : []),
    openLabels: (marked: Thread | undefined) => {
      if (selection.threads.length === 0 && opened) return setPlace("thread");
      if (selection.threads.length === 0 && marked) selection.toggle(marked);
      setPlace("bar");
    },
  };
}
