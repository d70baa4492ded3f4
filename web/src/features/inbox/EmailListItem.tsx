import { Link } from "@tanstack/react-router";
import { Paperclip, Star } from "lucide-react";
import { memo } from "react";
import { displayName } from "@/lib/people";
import { Time } from "@/ui/kit";
import classes from "./EmailListItem.module.css";
import { placeOf, type Thread } from "./threads";

interface Props {
  thread: Thread;
  /** Shown under the name where the mail was written by the reader. */
  toName?: string;
  marked: boolean;
  open: boolean;
  wide: boolean;
  onNear: (thread: Thread) => void;
}

/** One row of the list: a link, so that it opens in a new tab too. */
export const EmailListItem = memo(function EmailListItem({ thread, toName, marked, open, wide, onNear }: Props) {
  const { newest, unread, starred, files, count } = thread;
  const who = toName ? `To ${toName}` : displayName(newest.from_name, newest.from_email);
  return (
    <Link
      from="/crm/inbox"
      to="/crm/inbox"
      search={(now) => ({ ...now, ...placeOf(thread) })}
      resetScroll={false}
      className={classes.item}
      data-unread={unread || undefined}
      data-marked={marked || undefined}
      data-open={open || undefined}
      data-wide={wide || undefined}
      aria-current={open ? "true" : undefined}
      onMouseEnter={() => onNear(thread)}
      preload={false}
    >
      <span className={classes.dot}>{unread && <span className="visually-hidden">Unread. </span>}</span>
      <span className={classes.who}>
        <span className={classes.name}>{who}</span>
        {count > 1 && <span className={classes.count}>{count}</span>}
      </span>
      <span className={classes.marks}>
        {starred && <Star size={13} className={classes.star} aria-label="Starred" />}
        {files && <Paperclip size={13} aria-label="With files" />}
      </span>
      <span className={classes.time}>
        <Time iso={newest.gmail_date} />
      </span>
      <span className={classes.subject}>{newest.subject || "(no subject)"}</span>
      <span className={classes.snippet}>{newest.snippet}</span>
    </Link>
  );
});

export const rowHeight = (wide: boolean) => (wide ? 40 : 76);
