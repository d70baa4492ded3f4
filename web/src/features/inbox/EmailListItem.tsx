import { Link } from "@tanstack/react-router";
import { Paperclip, Star } from "lucide-react";
import { memo } from "react";
import { displayName } from "@/lib/people";
import { Time } from "@/ui/kit";
import { Marked } from "@/ui/Marked";
import classes from "./EmailListItem.module.css";
import { placeOf, type Thread } from "./threads";

interface Props {
  thread: Thread;
  /** Shown under the name where the mail was written by the reader. */
  toName?: string;
  marked: boolean;
  open: boolean;
  wide: boolean;
  /** The words of the search, to be marked. */
  words: string[];
  onNear: (thread: Thread) => void;
  onFocus: (id: string) => void;
}

/** One row of the list: a link, so that it opens in a new tab too. */
export const EmailListItem = memo(function EmailListItem(props: Props) {
  const { thread, toName, marked, open, wide, words } = props;
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
      data-thread={thread.id}
      onMouseEnter={() => props.onNear(thread)}
      onFocus={() => props.onFocus(thread.id)}
      preload={false}
    >
      <span className={classes.dot}>{unread && <span className="visually-hidden">Unread. </span>}</span>
      <span className={classes.who}>
        <span className={classes.name}>
          <Marked text={who} words={words} />
        </span>
        {count > 1 && <span className={classes.count}>{count}</span>}
      </span>
      <span className={classes.marks}>
        {starred && <Star size={13} className={classes.star} aria-label="Starred" />}
        {files && <Paperclip size={13} aria-label="With files" />}
      </span>
      <span className={classes.time}>
        <Time iso={newest.gmail_date} />
      </span>
      <span className={classes.subject}>
        <Marked text={newest.subject || "(no subject)"} words={words} />
      </span>
      <span className={classes.snippet}>
        <Marked text={newest.snippet} words={words} />
      </span>
    </Link>
  );
});

export const rowHeight = (wide: boolean) => (wide ? 40 : 76);
