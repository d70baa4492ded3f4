import { ActionIcon } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { Link } from "@tanstack/react-router";
import { Copy, PenLine } from "lucide-react";
import { useGoogleEmails } from "@/hooks/useGoogleIntegration";
import { count } from "@/lib/format";
import { displayName, type Names, parseAddress } from "@/lib/people";
import type { Email } from "@/lib/types";
import { Avatar, Bones, Hint, Person, Time } from "@/ui/kit";
import { filesOf, MailFile } from "./Attachments";
import classes from "./ContextPane.module.css";
import { useNames } from "./names";
import { RecordPanel } from "./RecordPanel";

interface Someone {
  name: string;
  email: string;
}

/** Everybody in the conversation but the reader; who wrote last stands first. */
export function peopleIn(messages: Email[], mine: Set<string>, names: Names = new Map()): Someone[] {
  const found = new Map<string, Someone>();
  const add = (name: string, email: string) => {
    const key = email.toLowerCase();
    if (!email || mine.has(key)) return;
    const known = found.get(key);
    if (known) known.name ||= name;
    else found.set(key, { name, email });
  };
  for (const m of [...messages].reverse()) add(m.from_name, m.from_email);
  for (const m of messages) {
    for (const text of [...(m.to_emails ?? []), ...(m.cc ?? [])]) {
      const { name, email } = parseAddress(text);
      add(name || (names.get(email.toLowerCase()) ?? ""), email);
    }
  }
  return [...found.values()];
}

/** Beside the conversation: who it is with, what else there is with them, its files. */
export function ContextPane({
  workspaceId,
  messages,
  mine,
  onWrite,
  onLink,
}: {
  workspaceId: string;
  messages: Email[] | undefined;
  mine: Set<string>;
  onWrite: ((to: string) => void) | undefined;
  onLink: () => void;
}) {
  const names = useNames();
  if (!messages) return <Bones rows={4} height={56} />;
  const [first, ...others] = peopleIn(messages, mine, names);
  const files = messages.flatMap((m) => filesOf(m).map((file) => ({ file, email: m.id })));
  return (
    <div className={classes.pane}>
      {first && <Lead person={first} onWrite={onWrite} />}
      <RecordPanel workspaceId={workspaceId} messages={messages} person={first} onLink={onLink} />
      {others.length > 0 && (
        <section>
          <h3>Also here</h3>
          <ul className={classes.people}>
            {others.slice(0, 8).map((p) => (
              <li key={p.email}>
                <Person name={p.name} email={p.email} />
              </li>
            ))}
          </ul>
        </section>
      )}
      {files.length > 0 && (
        <section>
          <h3>Files</h3>
          <ul className={classes.files}>
            {files.map(({ file, email }) => (
              <li key={email + file.id}>
                <MailFile email={email} file={file} />
              </li>
            ))}
          </ul>
        </section>
      )}
      {first && <MoreMail workspaceId={workspaceId} person={first} thread={messages[0]?.gmail_thread_id} />}
    </div>
  );
}

function Lead({ person, onWrite }: { person: Someone; onWrite: ((to: string) => void) | undefined }) {
  const copy = async () => {
    await navigator.clipboard.writeText(person.email);
    notifications.show({ message: "Address copied" });
  };
  return (
    <div className={classes.lead}>
      <Avatar name={person.name} email={person.email} size={44} />
      <div className={classes.leadText}>
        <p className={classes.leadName}>{displayName(person.name, person.email.split("@")[0] ?? person.email)}</p>
        <p className={classes.leadEmail}>{person.email}</p>
      </div>
      {onWrite && (
        <Hint label="Write to them">
          <ActionIcon
            aria-label="Write to them"
            onClick={() => onWrite(person.name ? `${person.name} <${person.email}>` : person.email)}
          >
            <PenLine size={14} />
          </ActionIcon>
        </Hint>
      )}
      <Hint label="Copy the address">
        <ActionIcon aria-label="Copy the address" onClick={() => void copy()}>
          <Copy size={14} />
        </ActionIcon>
      </Hint>
    </div>
  );
}

function MoreMail({
  workspaceId,
  person,
  thread,
}: {
  workspaceId: string;
  person: Someone;
  thread: string | undefined;
}) {
  const { emails, total, isLoading, error } = useGoogleEmails(workspaceId, { q: `from:${person.email}`, limit: 8 });
  const others = emails.filter((e) => e.gmail_thread_id !== thread).slice(0, 5);
  if (error) return null;
  return (
    <section>
      <h3>
        Mail from this address
        {total !== undefined && <span className={classes.number}>{count(total)}</span>}
      </h3>
      {isLoading && <Bones rows={2} height={40} />}
      {!isLoading && others.length === 0 && <p className={classes.nothing}>Nothing besides this conversation.</p>}
      <ul className={classes.mail}>
        {others.map((e) => (
          <li key={e.id}>
            <Link
              from="/crm/inbox"
              to="/crm/inbox"
              search={(now) => ({ ...now, thread: e.gmail_thread_id, box: e.connection_id })}
              resetScroll={false}
            >
              <span>{e.subject || "(no subject)"}</span>
              <Time iso={e.gmail_date} />
            </Link>
          </li>
        ))}
      </ul>
      {others.length > 0 && (
        <Link className={classes.all} from="/crm/inbox" to="/crm/inbox" search={{ q: `from:${person.email}` }}>
          Show all
        </Link>
      )}
    </section>
  );
}
