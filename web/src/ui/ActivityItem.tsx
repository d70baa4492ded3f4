import { Tooltip } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { CalendarDays, Info, Mail, MailQuestionMark, Phone, SquareCheck, StickyNote } from "lucide-react";
import { type ReactNode, useState } from "react";
import { useNoteActs } from "@/hooks/useActivities";
import { displayName } from "@/lib/people";
import type { Activity } from "@/lib/recordMail";
import classes from "./ActivityItem.module.css";
import { Time } from "./kit";
import pieces from "./pieces.module.css";
import { RecordChip } from "./RecordMark";
import { TaskLine } from "./TaskLine";

interface Props {
  workspaceId: string;
  activity: Activity;
  /** The page's own record: it is not named again. */
  of?: string;
  /** May change and delete this note. */
  mine?: string;
}

const icons = { email: Mail, note: StickyNote, task: SquareCheck, meeting: CalendarDays, call: Phone };

/** One thing that happened, on a timeline. A message opens its conversation in the inbox. */
export function ActivityItem({ workspaceId, activity, of, mine }: Props) {
  const Icon = icons[activity.kind] ?? MailQuestionMark;
  const { email, note, task, event } = activity;
  const elsewhere = activity.record && activity.record.id !== of ? activity.record : undefined;
  return (
    <li className={classes.item} data-kind={activity.kind}>
      <span className={classes.icon}>
        <Icon size={14} strokeWidth={1.75} />
      </span>
      <div className={classes.body}>
        {email && (
          <div className={classes.row}>
            <Link
              to="/crm/inbox"
              search={{ thread: email.gmail_thread_id, box: email.connection_id, label: "ALL" }}
              className={classes.mail}
            >
              <span className={classes.head}>
                <span className={classes.who}>{displayName(email.from_name, email.from_email)}</span>
                <span className={classes.what}>
                  {email.subject || (email.access === "metadata" ? "Subject hidden" : "(no subject)")}
                </span>
                <When at={activity.at} />
              </span>
              <span className={classes.snippet}>
                {email.snippet || (email.access === "full" ? "" : "Text not shared")}
              </span>
            </Link>
            {activity.why && <Why text={activity.why.text} />}
          </div>
        )}
        {note && <NoteItem workspaceId={workspaceId} activity={activity} own={note.author.id === mine} />}
        {task && (
          <div className={classes.task}>
            <TaskLine workspaceId={workspaceId} task={task} bare />
          </div>
        )}
        {event && (
          <span className={classes.head}>
            <span className={classes.what}>{event.title || "Meeting"}</span>
            <When at={activity.at} />
          </span>
        )}
        {elsewhere && (
          <p className={classes.foot}>
            <RecordChip record={elsewhere} />
          </p>
        )}
      </div>
    </li>
  );
}

/** Why a message is on this timeline: asked for, since most rows would say the same. */
const Why = ({ text }: { text: string }): ReactNode => (
  <Tooltip label={text} events={{ hover: true, focus: true, touch: true }} multiline maw={320}>
    <button type="button" className={classes.why} aria-label={`Why it is here: ${text}`}>
      <Info size={14} strokeWidth={1.75} />
    </button>
  </Tooltip>
);

const When = ({ at }: { at: string }): ReactNode => (
  <span className={classes.when}>
    <Time iso={at} />
  </span>
);

function NoteItem({ workspaceId, activity, own }: { workspaceId: string; activity: Activity; own: boolean }) {
  const { change, remove } = useNoteActs(workspaceId);
  const [text, setText] = useState<string>();
  const { note } = activity;
  if (!note) return null;
  return (
    <div className={classes.note}>
      <span className={classes.head}>
        <span className={classes.who}>{note.author.name}</span>
        <span className={classes.what}>
          {own && text === undefined && (
            <span className={classes.tools}>
              <button type="button" className={pieces.words} onClick={() => setText(note.text)}>
                Change
              </button>
              <button
                type="button"
                className={pieces.words}
                onClick={() => void remove(note.id, note.record.id, note.text)}
              >
                Delete
              </button>
            </span>
          )}
        </span>
        <When at={activity.at} />
      </span>
      {text === undefined ? (
        <p className={classes.text}>{note.text}</p>
      ) : (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            void change(note.id, text).then((kept) => kept && setText(undefined));
          }}
        >
          <textarea
            aria-label="Note"
            rows={4}
            ref={(area) => area?.focus()}
            value={text}
            onChange={(event) => setText(event.target.value)}
            onKeyDown={(event) => event.key === "Escape" && setText(undefined)}
          />
          <span className={classes.tools} data-shown>
            <button type="submit" className={pieces.words} disabled={!text.trim()}>
              Save
            </button>
            <button type="button" className={pieces.words} onClick={() => setText(undefined)}>
              Cancel
            </button>
          </span>
        </form>
      )}
    </div>
  );
}
