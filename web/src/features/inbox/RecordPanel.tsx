/** What the CRM knows about a conversation: its records with why, what is to be done, and a person of who is not known yet. */
import { Button } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Link2, UserPlus, X } from "lucide-react";
import { useState } from "react";
import { paths } from "@/app/paths";
import { useTasks } from "@/hooks/useActivities";
import { useObjects, useRecord } from "@/hooks/useRecords";
import { keys } from "@/lib/keys";
import { displayName } from "@/lib/people";
import { money, secondLine } from "@/lib/recordFields";
import { linksApi } from "@/lib/recordMail";
import { recordKeys, recordsApi } from "@/lib/records";
import type { Email } from "@/lib/types";
import { canUndo } from "@/lib/undoing";
import { cx } from "@/ui/kit";
import pieces from "@/ui/pieces.module.css";
import { RecordMark } from "@/ui/RecordMark";
import { NewTask, TaskLine } from "@/ui/TaskLine";
import { say, sayFailed } from "@/ui/toast";
import classes from "./RecordPanel.module.css";

export type EmailLink = Email["links"][number];

const strength = ["manual", "address", "deal", "domain", "company", "thread"];
const order = ["person", "deal", "company"];
const rank = (list: string[], value: string) => (list.includes(value) ? list.indexOf(value) : list.length);

/** The records of a conversation, each once, by the best of its reasons; people first. */
export function linksOf(messages: Email[]): EmailLink[] {
  const best = new Map<string, EmailLink>();
  for (const link of messages.flatMap((m) => m.links)) {
    const known = best.get(link.record.id);
    if (!known || rank(strength, link.rule) < rank(strength, known.rule)) best.set(link.record.id, link);
  }
  return [...best.values()].sort(
    (a, b) =>
      rank(order, a.record.type) - rank(order, b.record.type) ||
      rank(strength, a.rule) - rank(strength, b.rule) ||
      a.record.name.localeCompare(b.record.name),
  );
}

interface Props {
  workspaceId: string;
  messages: Email[];
  /** Who it is with. */
  person: { name: string; email: string } | undefined;
  onLink: () => void;
}

const most = 6;

export function RecordPanel({ workspaceId, messages, person, onLink }: Props) {
  const [all, setAll] = useState(false);
  const links = linksOf(messages);
  const newest = messages.at(-1);
  const main = links.find((l) => l.record.type === "deal") ?? links[0];
  return (
    <>
      <section className={classes.panel} aria-label="Records">
        <header>
          <h3>Records</h3>
          <button
            type="button"
            className={cx(pieces.words, classes.add)}
            onClick={onLink}
            title="Link to a record (⇧ L)"
          >
            <Link2 size={13} /> Link
          </button>
        </header>
        {person && <Unknown workspaceId={workspaceId} person={person} links={links} />}
        <ul>
          {(all ? links : links.slice(0, most)).map((link) => (
            <Linked key={link.record.id} workspaceId={workspaceId} link={link} email={newest?.id ?? ""} />
          ))}
        </ul>
        {links.length > most && !all && (
          <button type="button" className={cx(pieces.words, classes.add)} onClick={() => setAll(true)}>
            {links.length - most} more
          </button>
        )}
        {links.length === 0 && !person && <p className={classes.none}>Linked to no record.</p>}
      </section>
      {main && <NextSteps workspaceId={workspaceId} record={main.record.id} name={main.record.name} />}
    </>
  );
}

function Linked({ workspaceId, link, email }: { workspaceId: string; link: EmailLink; email: string }) {
  const { data } = useRecord(workspaceId, link.record.id);
  const { objectOf } = useObjects(workspaceId);
  const unlink = useUnlink(workspaceId);
  const note =
    data?.type === "deal" ? [data.stage, money(data.amount)].filter(Boolean).join(" · ") : data && secondLine(data);
  return (
    <li className={classes.link}>
      <Link to={paths.record} params={{ record: link.record.id }} className={classes.row}>
        <RecordMark record={data ?? link.record} icon={objectOf(link.record.type)?.icon} size={26} />
        <span className={classes.text}>
          <span>{link.record.name}</span>
          {note && <small>{note}</small>}
        </span>
      </Link>
      <button
        type="button"
        className={classes.drop}
        aria-label={`Take the conversation from ${link.record.name}`}
        title="Not about this record"
        onClick={() => void unlink(email, link)}
      >
        <X size={13} />
      </button>
      <p className={classes.why}>{link.why}</p>
    </li>
  );
}

function useFresh(workspaceId: string) {
  const client = useQueryClient();
  return () =>
    Promise.all([
      client.invalidateQueries({ queryKey: keys.mail.all(workspaceId) }),
      client.invalidateQueries({ queryKey: recordKeys.timelines(workspaceId) }),
    ]);
}

/** Ties the conversation to a record, which stays so. */
export function useLink(workspaceId: string) {
  const fresh = useFresh(workspaceId);
  return async (email: string, record: { id: string; name: string }, whole = true) => {
    try {
      await linksApi.add(workspaceId, email, record.id, whole);
      say({ id: `link ${record.id}`, text: `Linked to ${record.name}` });
      await fresh();
      return true;
    } catch (error) {
      sayFailed("It was not linked", error);
      return false;
    }
  };
}

function useUnlink(workspaceId: string) {
  const fresh = useFresh(workspaceId);
  const link = useLink(workspaceId);
  return async (email: string, { record }: EmailLink) => {
    try {
      await linksApi.remove(workspaceId, email, record.id);
      const undo = () => void link(email, record);
      canUndo(undo);
      say({
        id: `link ${record.id}`,
        text: `Taken from ${record.name}. No rule links it again.`,
        actions: [{ label: "Undo", keys: "Z", run: undo }],
      });
    } catch (error) {
      sayFailed("It is still linked", error);
    }
    await fresh();
  };
}

/** A person is made of a sender whom no record knows. */
function Unknown({
  workspaceId,
  person,
  links,
}: Pick<Props, "workspaceId"> & { person: { name: string; email: string }; links: EmailLink[] }) {
  const client = useQueryClient();
  const fresh = useFresh(workspaceId);
  const [busy, setBusy] = useState(false);
  const query = { type: "person", email: person.email.toLowerCase(), limit: 1 };
  const known = useQuery({
    queryKey: recordKeys.list(workspaceId, query),
    queryFn: ({ signal }) => recordsApi.list(workspaceId, query, undefined, signal),
    enabled: person.email.includes("@"),
  });
  if (!known.data || known.data.items.length > 0) return null;
  const create = async () => {
    setBusy(true);
    try {
      const made = await recordsApi.create(workspaceId, {
        type: "person",
        name: person.name.trim() || person.email,
        emails: [{ value: person.email, label: "work", primary: true }],
      });
      say({ id: `record ${made.id}`, text: `${made.name} is made. Their mail is linked in a moment.` });
    } catch (error) {
      sayFailed("The person was not made", error);
    }
    setBusy(false);
    await Promise.all([client.invalidateQueries({ queryKey: recordKeys.all(workspaceId) }), fresh()]);
  };
  return (
    <div className={classes.unknown}>
      <p>
        {displayName(person.name, person.email)} is {links.length > 0 ? "no person" : "not"} in your records yet.
      </p>
      <Button size="xs" leftSection={<UserPlus size={14} />} loading={busy} onClick={() => void create()}>
        Create a person
      </Button>
    </div>
  );
}

function NextSteps({ workspaceId, record, name }: { workspaceId: string; record: string; name: string }) {
  const { tasks } = useTasks(workspaceId, { record_id: record, state: "open" });
  return (
    <section className={classes.panel} aria-label="Next steps">
      <header>
        <h3>Next steps</h3>
        <small>{name}</small>
      </header>
      {tasks.slice(0, 4).map((t) => (
        <TaskLine key={t.id} workspaceId={workspaceId} task={t} bare />
      ))}
      <NewTask workspaceId={workspaceId} record={record} />
    </section>
  );
}
