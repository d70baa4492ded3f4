import { Popover } from "@mantine/core";
import { Lock } from "lucide-react";
import { useState } from "react";
import { exactDate, longDate } from "@/lib/format";
import { displayName, firstName, parseAddress } from "@/lib/people";
import type { Email } from "@/lib/types";
import { Avatar, cx } from "@/ui/kit";
import { Marked } from "@/ui/Marked";
import pieces from "@/ui/pieces.module.css";
import { Attachments } from "./Attachments";
import { whyHidden } from "./access";
import { MailBody } from "./MailBody";
import classes from "./Message.module.css";
import { NoText } from "./NoText";
import { useNames } from "./names";

interface Props {
  email: Email;
  mine: Set<string>;
  open: boolean;
  /** The words of the search that led here. */
  words: string[];
  onToggle: () => void;
}

/** One message of a conversation: a line when folded, all of it when open. */
export function Message({ email, mine, open, words, onToggle }: Props) {
  const name = displayName(email.from_name, email.from_email);
  const hidden = whyHidden(email);
  return (
    <article
      className={classes.message}
      data-open={open || undefined}
      aria-label={`From ${name}, ${longDate(email.gmail_date)}`}
    >
      <header className={classes.head}>
        <button
          type="button"
          className={classes.toggle}
          onClick={onToggle}
          aria-expanded={open}
          aria-label={`${open ? "Fold" : "Open"} the message from ${name}`}
        />
        <Avatar name={email.from_name} email={email.from_email} size={30} />
        <div className={classes.who}>
          <span className={classes.name}>
            {mine.has(email.from_email.toLowerCase()) ? "You" : <Marked text={name} words={words} />}
          </span>
          {open ? (
            <Recipients email={email} mine={mine} />
          ) : (
            <span className={classes.snippet}>
              {hidden ? "Text not shared" : <Marked text={email.snippet} words={words} />}
            </span>
          )}
        </div>
        <time className={classes.time} dateTime={email.gmail_date} title={exactDate(email.gmail_date)}>
          {longDate(email.gmail_date)}
        </time>
      </header>
      {open && (
        <div className={classes.body} data-body>
          {hidden ? (
            <p className={classes.hidden}>
              <Lock size={14} />
              <span>{hidden}</span>
            </p>
          ) : email.body_text || email.body_html ? (
            <MailBody email={email} words={words} />
          ) : (
            <NoText email={email} />
          )}
          <Attachments email={email} />
        </div>
      )}
    </article>
  );
}

const rows: [string, (e: Email) => string[]][] = [
  ["From", (e) => [e.from_name ? `${e.from_name} <${e.from_email}>` : e.from_email]],
  ["Reply to", (e) => e.reply_to ?? []],
  ["To", (e) => e.to_emails ?? []],
  ["Cc", (e) => e.cc ?? []],
  ["Bcc", (e) => e.bcc ?? []],
  ["Date", (e) => [exactDate(e.gmail_date)]],
];

function Recipients({ email, mine }: { email: Email; mine: Set<string> }) {
  const [shown, setShown] = useState(false);
  const names = useNames();
  const named = (text: string) => parseAddress(text).name || names.get(parseAddress(text).email.toLowerCase());
  const all = [...(email.to_emails ?? []), ...(email.cc ?? [])];
  const to = all.map((text) => {
    const { email: address } = parseAddress(text);
    if (mine.has(address.toLowerCase())) return "you";
    const name = named(text);
    if (!name) return address;
    return all.length === 1 ? name : firstName(name, address);
  });
  const whole = (text: string) => {
    const name = named(text);
    return name && !text.includes("<") ? `${name} <${text}>` : text;
  };
  return (
    <Popover opened={shown} onChange={setShown} position="bottom-start" withinPortal shadow="none">
      <Popover.Target>
        <button
          type="button"
          className={classes.recipients}
          onClick={() => setShown(!shown)}
          title="Show all addresses"
        >
          to {to.slice(0, 4).join(", ") || "nobody"}
          {to.length > 4 && ` and ${to.length - 4} more`}
        </button>
      </Popover.Target>
      <Popover.Dropdown className={cx(pieces.floating, classes.addresses)}>
        <dl>
          {rows.map(([label, of]) => {
            const values = of(email);
            return values.length === 0 ? null : (
              <div key={label}>
                <dt>{label}</dt>
                <dd>
                  {values.map((v) => (
                    <span key={v}>{label === "Date" ? v : whole(v)}</span>
                  ))}
                </dd>
              </div>
            );
          })}
        </dl>
      </Popover.Dropdown>
    </Popover>
  );
}
