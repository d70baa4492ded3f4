/** What a change makes of the lists that are shown already: at once, and exactly back when it is taken back. */
import type { InfiniteData } from "@tanstack/react-query";
import type { EmailListItem, EmailQuery, MailAction, Page } from "@/lib/types";

export interface Wish {
  action: MailAction;
  /** For add_label and remove_label. */
  label?: { id: string; name: string };
}

interface Delta {
  add: string[];
  remove: string[];
}

const deltas: Partial<Record<MailAction, Delta>> = {
  read: { add: [], remove: ["UNREAD"] },
  unread: { add: ["UNREAD"], remove: [] },
  star: { add: ["STARRED"], remove: [] },
  unstar: { add: [], remove: ["STARRED"] },
  archive: { add: [], remove: ["INBOX"] },
  inbox: { add: ["INBOX"], remove: [] },
  trash: { add: ["TRASH"], remove: ["INBOX"] },
  untrash: { add: ["INBOX"], remove: ["TRASH"] },
  spam: { add: ["SPAM"], remove: ["INBOX"] },
  not_spam: { add: ["INBOX"], remove: ["SPAM"] },
};

export function deltaOf({ action, label }: Wish): Delta {
  const id = label ? [label.id] : [];
  if (action === "add_label") return { add: id, remove: [] };
  if (action === "remove_label") return { add: [], remove: id };
  return deltas[action] ?? { add: [], remove: [] };
}

/** A message as it is after the change. */
export function changed<T extends EmailListItem>(email: T, wish: Wish): T {
  const { add, remove } = deltaOf(wish);
  const labels = [...new Set([...email.labels.filter((l) => !remove.includes(l)), ...add])];
  return { ...email, labels, is_read: !labels.includes("UNREAD"), is_starred: labels.includes("STARRED") };
}

const apart = ["SPAM", "TRASH"];

/** Whether a message still belongs to a list. What only a search can tell stays where it is. */
export function belongs(email: EmailListItem, query: EmailQuery): boolean {
  if (query.label && !email.labels.includes(query.label)) return false;
  if (query.is_unread && email.is_read) return false;
  const named = apart.includes(query.label ?? "") || /\bin:(spam|trash|anywhere)\b/i.test(query.q ?? "");
  if (/(^|\s)is:starred\b/.test(query.q ?? "") && !email.is_starred) return false;
  return named || !email.labels.some((l) => apart.includes(l));
}

/** Names a conversation: its id is Gmail's and belongs to one mailbox. */
export const keyOf = (email: Pick<EmailListItem, "connection_id" | "gmail_thread_id">) =>
  `${email.connection_id}/${email.gmail_thread_id}`;

export type Pages = InfiniteData<Page<EmailListItem>>;

/** The list after the change, and what stood there before in the places that changed. */
export function applied(data: Pages, query: EmailQuery, meant: ReadonlySet<string>, wish: Wish) {
  const before: EmailListItem[] = [];
  let gone = 0;
  const pages = data.pages.map((page) => ({
    ...page,
    items: page.items.flatMap((item) => {
      if (!meant.has(keyOf(item))) return [item];
      before.push(item);
      const now = changed(item, wish);
      if (belongs(now, query)) return [now];
      gone++;
      return [];
    }),
  }));
  return { data: recounted({ ...data, pages }, -gone), before };
}

const recounted = (data: Pages, by: number): Pages =>
  by === 0
    ? data
    : {
        ...data,
        pages: data.pages.map((p) => (p.total === undefined ? p : { ...p, total: Math.max(0, p.total + by) })),
      };

/** Puts back what stood there: in its place, and in its order where it had left the list. */
export function restored(data: Pages, before: EmailListItem[]): Pages {
  const missing = new Map(before.map((item) => [item.id, item]));
  const pages = data.pages.map((page) => ({
    ...page,
    items: page.items.map((item) => {
      const old = missing.get(item.id);
      if (old) missing.delete(item.id);
      return old ?? item;
    }),
  }));
  const back = [...missing.values()];
  for (const item of back) {
    const older = (p: Page<EmailListItem>) => p.items.findIndex((i) => i.gmail_date < item.gmail_date);
    const page = pages.find((p) => older(p) >= 0) ?? pages.at(-1);
    if (!page) continue;
    const at = older(page);
    page.items.splice(at < 0 ? page.items.length : at, 0, item);
  }
  return recounted({ ...data, pages }, back.length);
}

const verbs: Record<MailAction, [one: string, many: string]> = {
  read: ["Marked as read", "marked as read"],
  unread: ["Marked as unread", "marked as unread"],
  star: ["Starred", "starred"],
  unstar: ["Star removed", "without a star now"],
  archive: ["Archived", "archived"],
  inbox: ["Moved to the inbox", "moved to the inbox"],
  trash: ["Moved to the trash", "moved to the trash"],
  untrash: ["Moved back to the inbox", "moved back to the inbox"],
  spam: ["Reported as spam", "reported as spam"],
  not_spam: ["Not spam: moved to the inbox", "moved to the inbox"],
  add_label: ["Labelled", "labelled"],
  remove_label: ["Label removed:", "without the label"],
};

/** What was done, for the line with "Undo": "Archived", "12 conversations archived", "Labelled Projects". */
export function done(wish: Wish, n: number): string {
  const [one, many] = verbs[wish.action];
  const label = wish.label ? ` ${wish.label.name}` : "";
  return n === 1 ? `${one}${label}` : `${n} conversations ${many}${label}`;
}
