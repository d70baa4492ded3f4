import type { EmailListItem } from "@/lib/types";

/** A conversation as the list shows it: its newest message that matches. */
export interface Thread {
  id: string;
  newest: EmailListItem;
  unread: boolean;
  starred: boolean;
  files: boolean;
  count: number;
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
    });
  }
  return [...byId.values()];
}

/** Where a conversation is, in the address: its id is Gmail's and belongs to one mailbox. */
export const placeOf = (thread: Thread) => ({ thread: thread.id, box: thread.newest.connection_id });

/** The rows that new mail put above the one that was first; 0 where that one is gone. */
export function rowsAbove(before: string | undefined, now: Thread[]): number {
  if (!before) return 0;
  const at = now.findIndex((t) => t.id === before);
  return Math.max(0, at);
}
