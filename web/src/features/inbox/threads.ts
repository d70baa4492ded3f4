import { displayName, firstName, type Names, recipients } from "@/lib/people";
import type { EmailListItem } from "@/lib/types";

/** A conversation as the list shows it: its newest message that matches. */
export interface Thread {
  id: string;
  newest: EmailListItem;
  unread: boolean;
  starred: boolean;
  files: boolean;
  count: number;
  /** Who wrote its messages, by their first one. */
  senders: EmailListItem["thread_senders"];
}

/** Messages, newest first, as conversations in the order of their newest message. */
export function groupThreads(emails: EmailListItem[]): Thread[] {
  const byId = new Map<string, Thread>();
  for (const email of emails) {
    const key = `${email.connection_id}/${email.gmail_thread_id}`;
    const known = byId.get(key);
    if (known) {
      known.unread ||= !email.is_read;
      known.starred ||= email.is_starred;
      known.files ||= email.has_attachments;
      continue;
    }
    byId.set(key, {
      id: email.gmail_thread_id,
      newest: email,
      unread: !email.is_read,
      starred: email.is_starred,
      files: email.has_attachments,
      count: email.thread_count,
      senders: email.thread_senders,
    });
  }
  return [...byId.values()];
}

/**
 * Who a row is about: everybody who wrote, the reader as "me" ("Davide, me"); whom it went to, in a list of what was
 * sent and where nobody else wrote.
 */
export function whoOf({ newest, senders }: Thread, mine: Set<string>, names: Names, sent = false): string {
  const isMine = (email: string) => mine.has(email.toLowerCase());
  if (isMine(newest.from_email) && (sent || senders.every((s) => isMine(s.email)))) {
    return `To ${recipients(newest.to_emails, names) || "nobody"}`;
  }
  if (senders.length < 2) return displayName(newest.from_name, newest.from_email);
  const all = new Set(
    senders.map(({ name, email }) => (isMine(email) ? "me" : firstName(name || names.get(email.toLowerCase()), email))),
  );
  const short = [...all];
  return short.length > 3 ? `${short[0]} … ${short.slice(-2).join(", ")}` : short.join(", ");
}

/** Where a conversation is, in the address: its id is Gmail's and belongs to one mailbox. */
export const placeOf = (thread: Thread) => ({ thread: thread.id, box: thread.newest.connection_id });

/** The rows that new mail put above the one that was first; 0 where that one is gone. */
export function rowsAbove(before: string | undefined, now: Thread[]): number {
  if (!before) return 0;
  const at = now.findIndex((t) => t.id === before);
  return Math.max(0, at);
}
