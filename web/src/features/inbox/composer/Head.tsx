import { useQueries } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { parseAddress } from "@/lib/people";
import type { GoogleStatus } from "@/lib/types";
import { cx } from "@/ui/kit";
import pieces from "@/ui/pieces.module.css";
import { sendAsQuery, writtenAs } from "./begin";
import classes from "./Composer.module.css";
import { type Letter, textOf } from "./letter";
import { RecipientField } from "./RecipientField";

interface Props {
  workspaceId: string;
  status: GoogleStatus | undefined;
  letter: Letter;
  onChange: (next: Partial<Letter>) => void;
}

/** From whom, to whom, about what. */
export function Head({ workspaceId, status, letter, onChange }: Props) {
  const [more, setMore] = useState(letter.cc.length > 0 || letter.bcc.length > 0);
  const to = useRef<HTMLInputElement>(null);
  const cc = useRef<HTMLInputElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: where one begins is decided once
  useEffect(() => {
    if (letter.to.length === 0) to.current?.focus();
  }, []);
  return (
    <div className={classes.fields}>
      <From workspaceId={workspaceId} status={status} letter={letter} onChange={onChange} />
      <RecipientField
        workspaceId={workspaceId}
        label="To"
        input={to}
        value={letter.to}
        onChange={(next) => onChange({ to: next })}
        aside={
          !more && (
            <button
              type="button"
              className={classes.more}
              onClick={() => {
                setMore(true);
                requestAnimationFrame(() => cc.current?.focus());
              }}
            >
              Cc and Bcc
            </button>
          )
        }
      />
      {more && (
        <>
          <RecipientField
            workspaceId={workspaceId}
            label="Cc"
            input={cc}
            value={letter.cc}
            onChange={(next) => onChange({ cc: next })}
          />
          <RecipientField
            workspaceId={workspaceId}
            label="Bcc"
            value={letter.bcc}
            onChange={(next) => onChange({ bcc: next })}
          />
        </>
      )}
      <label className={classes.field}>
        <span className={classes.fieldLabel}>Subject</span>
        <input
          className={classes.bare}
          type="text"
          aria-label="Subject"
          value={letter.subject}
          onChange={(event) => onChange({ subject: event.target.value })}
        />
      </label>
    </div>
  );
}

/** The addresses of all mailboxes; an answer stays in the mailbox of its original. */
function From({ workspaceId, status, letter, onChange }: Props) {
  const boxes = (status?.connections ?? []).filter(
    (c) => !(letter.answers || letter.forwards || letter.draft) || c.id === letter.connection,
  );
  const answers = useQueries({ queries: boxes.map((c) => sendAsQuery(workspaceId, c.id)) });
  const options = boxes.flatMap((c, i) =>
    (answers[i]?.data?.items ?? [])
      .filter((s) => s.verified)
      .map((s) => ({ connection: c.id, value: writtenAs(s), s })),
  );
  const email = (text: string) => parseAddress(text).email.toLowerCase();
  const current = options.find((o) => email(o.value) === email(letter.from));
  const take = (value: string) => {
    const o = options.find((x) => x.value === value);
    if (!o) return;
    // With the address the signature changes, if it is still there.
    const html = o.s.signature_html.trim();
    const signature = letter.signature && html ? `<div class="gmail_signature">${html}</div>` : letter.signature;
    const tail = letter.quote || !letter.tail ? letter.tail : html ? `\n\n-- \n${textOf(html)}` : "";
    onChange({ from: o.value, connection: o.connection, signature, tail });
  };
  return (
    <div className={classes.field}>
      <span className={classes.fieldLabel}>From</span>
      {options.length > 1 ? (
        <select
          className={classes.from}
          aria-label="From"
          value={current?.value ?? letter.from}
          onChange={(event) => take(event.target.value)}
        >
          {!current && <option value={letter.from}>{letter.from}</option>}
          {options.map((o) => (
            <option key={`${o.connection} ${o.value}`} value={o.value}>
              {o.value}
            </option>
          ))}
        </select>
      ) : (
        <span className={cx(pieces.clip, classes.fromOnly)}>{letter.from || "Your usual address"}</span>
      )}
    </div>
  );
}
