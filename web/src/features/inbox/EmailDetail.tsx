import { ActionIcon } from "@mantine/core";
import { ArrowDown, ArrowLeft, ArrowUp, ChevronsUpDown, MessagesSquare, PanelRight, Users } from "lucide-react";
import { type ReactNode, useEffect, useMemo, useRef, useState } from "react";
import { plural } from "@/lib/format";
import { Problem } from "@/lib/problem";
import type { Email, EmailListItem, Label } from "@/lib/types";
import { Bone, Bones, Empty, Failed, Hint, Swatch } from "@/ui/kit";
import { Marked } from "@/ui/Marked";
import { possessive } from "./access";
import classes from "./EmailDetail.module.css";
import { titled } from "./LabelMenu";
import { foundIn, openAtFirst, useLanding } from "./landing";
import { Message } from "./Message";
import { AnswerBar, Answers } from "./ThreadTools";

export interface DetailProps {
  /** What the list knows already, shown while the messages are on their way. */
  known: EmailListItem | undefined;
  messages: Email[] | undefined;
  error: unknown;
  labels: Label[];
  mine: Set<string>;
  /** The message that a search found: it is opened and brought into view. */
  target: string | undefined;
  /** The words of the search, to be marked. */
  words: string[];
  allOpen: boolean;
  context: boolean;
  after?: ReactNode;
  /** What can be done with it; nothing with a colleague's. */
  tools?: ReactNode;
  can: { next: boolean; previous: boolean };
  on: {
    close: () => void;
    next: () => void;
    previous: () => void;
    openAll: () => void;
    context: () => void;
    reply: () => void;
    replyAll: () => void;
    forward: () => void;
    spam: () => void;
    gmail: () => void;
    retry: () => void;
  };
}

/** The open conversation. */
export function EmailDetail(props: DetailProps) {
  const { known, messages, error, after } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const shown = messages?.[0] ?? known;
  const mine = shown?.owner.mine ?? false;
  const answers = { onReply: props.on.reply, onReplyAll: props.on.replyAll, onForward: props.on.forward };
  const subject = shown?.subject;
  return (
    <div className={classes.detail}>
      <Toolbar {...props} />
      <div className={classes.scroller} ref={scroller}>
        {error && !messages ? (
          <Gone error={error} onRetry={props.on.retry} />
        ) : (
          <>
            <div className={classes.title}>
              {subject === undefined ? (
                <Bone width="46%" height={18} />
              ) : (
                <h2>
                  {shown?.access === "metadata" ? (
                    "Subject hidden"
                  ) : (
                    <Marked text={subject || "(no subject)"} words={props.words} />
                  )}
                </h2>
              )}
              {shown && !shown.owner.mine && (
                <span className={classes.owner}>
                  <Users size={12} /> {possessive(shown.owner.name || "A colleague")} mailbox
                </span>
              )}
              <Labels of={messages ?? (known ? [known] : [])} labels={props.labels} />
            </div>
            {messages ? (
              <Messages {...props} messages={messages} scroller={scroller} />
            ) : (
              <Bones rows={3} height={64} />
            )}
            {messages && mine && <AnswerBar {...answers} />}
            {after}
          </>
        )}
      </div>
    </div>
  );
}

function Gone({ error, onRetry }: { error: unknown; onRetry: () => void }) {
  if (error instanceof Problem && error.status === 404) {
    return (
      <Empty icon={<MessagesSquare size={18} />} title="This conversation is no longer here">
        It was deleted in Gmail, or it is not shared with you.
      </Empty>
    );
  }
  return <Failed error={error} retry={onRetry} title="The conversation could not be loaded" />;
}

function Toolbar({ can, on, context, messages, known, tools }: DetailProps) {
  const shown = messages?.[0] ?? known;
  return (
    <div className={classes.bar}>
      <Hint label="Back to the list" keys="U">
        <ActionIcon aria-label="Back to the list" onClick={on.close}>
          <ArrowLeft size={16} />
        </ActionIcon>
      </Hint>
      <Hint label="Next conversation" keys="J">
        <ActionIcon className={classes.wideOnly} aria-label="Next conversation" onClick={on.next} disabled={!can.next}>
          <ArrowDown size={16} />
        </ActionIcon>
      </Hint>
      <Hint label="Previous conversation" keys="K">
        <ActionIcon
          className={classes.wideOnly}
          aria-label="Previous conversation"
          onClick={on.previous}
          disabled={!can.previous}
        >
          <ArrowUp size={16} />
        </ActionIcon>
      </Hint>
      {tools && <span className={classes.divider} />}
      {tools}
      <span className={classes.space} />
      {(messages?.length ?? 0) > 1 && (
        <Hint label="Open or fold all messages" keys=";">
          <ActionIcon className={classes.wideOnly} aria-label="Open or fold all messages" onClick={on.openAll}>
            <ChevronsUpDown size={16} />
          </ActionIcon>
        </Hint>
      )}
      <Hint label="People and files" keys="I">
        <ActionIcon
          className={classes.contextButton}
          aria-label="People and files"
          aria-pressed={context}
          onClick={on.context}
        >
          <PanelRight size={16} />
        </ActionIcon>
      </Hint>
      {shown?.owner.mine && (
        <Answers
          canSpam={!shown.labels.some((l) => l === "SPAM" || l === "SENT")}
          onReply={on.reply}
          onReplyAll={on.replyAll}
          onForward={on.forward}
          onSpam={on.spam}
          onGmail={on.gmail}
        />
      )}
    </div>
  );
}

const hidden = /^(UNREAD|STARRED|SENT|IMPORTANT|[A-Z]+_STAR|CATEGORY_.*)$/;

function Labels({ of, labels }: { of: EmailListItem[]; labels: Label[] }) {
  // A colleague's own labels have names in their mailbox only.
  const named = (id: string) => /^[A-Z_]+$/.test(id) || labels.some((l) => l.id === id);
  const own = of.filter((m) => m.owner.mine);
  const shown = [...new Set(own.flatMap((m) => m.labels))].filter((id) => !hidden.test(id) && named(id));
  return (
    <span className={classes.labels}>
      {shown.map((id) => {
        const label = labels.find((l) => l.id === id);
        return (
          <span key={id} className={classes.label}>
            {label?.type === "user" && <Swatch colour={label.color} />}
            {titled(label?.name ?? id)}
          </span>
        );
      })}
    </span>
  );
}

const foldMoreThan = 4;

interface MessagesProps extends DetailProps {
  messages: Email[];
  scroller: React.RefObject<HTMLDivElement | null>;
}

function Messages({ messages, mine, allOpen, scroller, target, words }: MessagesProps) {
  const thread = messages[0]?.gmail_thread_id;
  // biome-ignore lint/correctness/useExhaustiveDependencies: where one lands is decided once for each conversation
  const found = useMemo(() => foundIn(messages, target, words), [thread]);
  const [open, setOpen] = useState(() => openAtFirst(messages, found));
  const [unfolded, setUnfolded] = useState(false);
  // biome-ignore lint/correctness/useExhaustiveDependencies: once for each conversation
  useEffect(() => {
    setOpen(openAtFirst(messages, found));
    setUnfolded(false);
  }, [thread]);
  useLanding(scroller, thread, found ?? (messages.length > 2 ? messages.at(-1)?.id : undefined));
  const newest = messages.at(-1)?.id;
  useEffect(() => {
    if (newest) setOpen((now) => new Set(now).add(newest));
  }, [newest]);

  const toggle = (id: string) => {
    const next = new Set(open);
    if (!next.delete(id)) next.add(id);
    setOpen(next);
  };
  const firstOpenAt = messages.findIndex((m) => open.has(m.id));
  const folded = !unfolded && !allOpen && firstOpenAt > foldMoreThan ? messages.slice(1, firstOpenAt - 1) : [];
  const skip = new Set(folded.map((m) => m.id));
  return (
    <div className={classes.messages}>
      {messages.map((email) => {
        if (skip.has(email.id)) {
          return email.id === folded[0]?.id ? (
            <button key={email.id} type="button" className={classes.older} onClick={() => setUnfolded(true)}>
              <span>Show {plural(folded.length, "older message")}</span>
            </button>
          ) : null;
        }
        return (
          <div key={email.id} data-message={email.id}>
            <Message
              email={email}
              mine={mine}
              open={allOpen || open.has(email.id)}
              words={words}
              onToggle={() => toggle(email.id)}
            />
          </div>
        );
      })}
    </div>
  );
}
