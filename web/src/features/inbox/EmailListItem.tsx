import { Link } from "@tanstack/react-router";
import { Archive, Lock, Mail, MailOpen, Paperclip, Star, Trash2, Users } from "lucide-react";
import { type MouseEvent, memo } from "react";
import { firstName } from "@/lib/people";
import { cx, Time } from "@/ui/kit";
import { Marked } from "@/ui/Marked";
import pieces from "@/ui/pieces.module.css";
import { iconOf } from "@/ui/RecordMark";
import { whatIsHidden } from "./access";
import type { Wish } from "./changes";
import classes from "./EmailListItem.module.css";
import { placeOf, type Thread } from "./threads";

interface Props {
  thread: Thread;
  /** Who it is from, or whom it went to. */
  who: string;
  marked: boolean;
  open: boolean;
  wide: boolean;
  /** Ticked; undefined where the row cannot be. */
  ticked: boolean | undefined;
  /** Boxes are shown on every row. */
  choosing: boolean;
  /** It came back just now. */
  returned: boolean;
  /** The words of the search, to be marked. */
  words: string[];
  onNear: (thread: Thread) => void;
  onFocus: (id: string) => void;
  onTick: (thread: Thread, range: boolean) => void;
  onChange: (thread: Thread, wish: Wish) => void;
}

/** One row of the list: a link, so that it opens in a new tab too, and what can be done with it beside. */
export const EmailListItem = memo(function EmailListItem(props: Props) {
  const { thread, who, marked, open, wide, words, ticked, choosing, returned } = props;
  const { newest, unread, count } = thread;
  const hidden = whatIsHidden(newest);
  const tickAlso = (event: MouseEvent) => {
    if (ticked === undefined || !(event.shiftKey || (choosing && matchMedia("(pointer: coarse)").matches))) return;
    event.preventDefault();
    props.onTick(thread, event.shiftKey);
  };
  return (
    <div
      className={classes.row}
      data-unread={unread || undefined}
      data-open={open || undefined}
      data-wide={wide || undefined}
      data-ticked={ticked || undefined}
      data-choosing={choosing || undefined}
      data-returned={returned || undefined}
    >
      <Link
        from="/crm/inbox"
        to="/crm/inbox"
        search={(now) => ({ ...now, ...placeOf(thread) })}
        resetScroll={false}
        className={classes.item}
        data-marked={marked || undefined}
        aria-current={open ? "true" : undefined}
        data-thread={thread.id}
        onMouseEnter={() => props.onNear(thread)}
        onFocus={() => props.onFocus(thread.id)}
        onClick={tickAlso}
        preload={false}
      >
        <span className={classes.dot}>{unread && <span className="visually-hidden">Unread. </span>}</span>
        <span className={classes.who}>
          <span className={cx(pieces.clip, classes.name)}>
            <Marked text={who} words={words} />
          </span>
          {count > 1 && <span className={classes.count}>{count}</span>}
          {!newest.owner.mine && (
            <span className={classes.owner}>
              <Users size={11} />
              <span className="visually-hidden">In the mailbox of </span>
              {firstName(newest.owner.name, newest.owner.user_id)}
            </span>
          )}
        </span>
        <Marks thread={thread} />
        <span className={classes.time}>
          <Time iso={newest.gmail_date} />
        </span>
        <span className={cx(pieces.clip, classes.subject)} data-hidden={hidden.subject || undefined}>
          {hidden.subject ? "Subject hidden" : <Marked text={newest.subject || "(no subject)"} words={words} />}
        </span>
        <span className={cx(pieces.clip, classes.snippet)} data-hidden={hidden.text || undefined}>
          {hidden.text ? "Text not shared" : <Marked text={newest.snippet} words={words} />}
        </span>
        <Belongs thread={thread} />
      </Link>
      {ticked !== undefined && (
        <>
          <label className={classes.tick}>
            <input
              type="checkbox"
              tabIndex={-1}
              checked={ticked}
              aria-label={`Tick ${hidden.subject ? who : newest.subject || who}`}
              onChange={() => undefined}
              onClick={(event) => props.onTick(thread, event.shiftKey)}
            />
          </label>
          <Tools thread={thread} onChange={props.onChange} />
        </>
      )}
    </div>
  );
});

const closest = ["deal", "company", "person"];

/** The record that says most about the conversation: a deal, else a company, else a person. */
export function chiefOf(records: Thread["newest"]["records"]) {
  const rank = (type: string) => (closest.includes(type) ? closest.indexOf(type) : -1);
  return [...records].sort((a, b) => rank(a.type) - rank(b.type))[0];
}

function Belongs({ thread }: { thread: Thread }) {
  const record = chiefOf(thread.newest.records);
  if (!record) return null;
  const Icon = iconOf(record.type);
  return (
    <span className={classes.record} title={thread.newest.records.map((r) => r.name).join(", ")}>
      <Icon size={11} strokeWidth={1.75} />
      <span>{record.name}</span>
    </span>
  );
}

function Marks({ thread: { newest, starred, files } }: { thread: Thread }) {
  return (
    <span className={classes.marks}>
      {newest.owner.mine && newest.shared && <Users size={13} aria-label="Shared" />}
      {newest.protected && <Lock size={12} aria-label="Protected" />}
      {starred && <Star size={13} className={classes.star} aria-label="Starred" />}
      {files && <Paperclip size={13} aria-label="With files" />}
    </span>
  );
}

/** The quickest changes, under the pointer. The keys and the bar do the same. */
function Tools({ thread, onChange }: Pick<Props, "thread" | "onChange">) {
  const { unread, starred } = thread;
  const away = thread.newest.labels.some((l) => l === "TRASH" || l === "SPAM");
  const tool = (label: string, Icon: typeof Star, wish: Wish) => (
    <button
      type="button"
      className={pieces.sign}
      tabIndex={-1}
      aria-label={label}
      title={label}
      onClick={() => onChange(thread, wish)}
    >
      <Icon size={15} />
    </button>
  );
  return (
    <span className={classes.tools}>
      {tool(starred ? "Remove the star" : "Star", Star, { action: starred ? "unstar" : "star" })}
      {tool(unread ? "Mark as read" : "Mark as unread", unread ? MailOpen : Mail, {
        action: unread ? "read" : "unread",
      })}
      {!away && tool("Archive", Archive, { action: "archive" })}
      {!away && tool("Move to the trash", Trash2, { action: "trash" })}
    </span>
  );
}

export const rowHeight = (wide: boolean) => (wide ? 40 : 76);
