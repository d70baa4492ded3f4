/** Several values of one field, line by line: addresses, numbers, domains, the people of a deal. */
import { Button } from "@mantine/core";
import { Plus, Star, X } from "lucide-react";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { doubt } from "@/lib/recordFields";
import type { Contact, CrmRecord } from "@/lib/records";
import { RecordPicker } from "@/ui/pickers";
import { RecordMark } from "@/ui/RecordMark";
import classes from "./Lines.module.css";

interface LinesProps<T> {
  value: T;
  onDone: (value: T) => void;
  onCancel: () => void;
}

const words = {
  emails: { one: "E-mail address", add: "Add an address", labels: ["work", "home", "other"] },
  phones: { one: "Phone number", add: "Add a number", labels: ["work", "mobile", "home", "fax", "other"] },
  domains: { one: "Domain", add: "Add a domain", labels: [] as string[] },
};

type Line = Contact & { id: number };

export function ContactLines({
  kind,
  value,
  onDone,
  onCancel,
}: LinesProps<Contact[]> & { kind: "emails" | "phones" | "domains" }) {
  const next = useRef(value.length + 1);
  const [lines, setLines] = useState<Line[]>(() =>
    (value.length > 0 ? value : [{ value: "", primary: true }]).map((c, i) => ({
      ...c,
      value: kind === "phones" ? c.raw || c.value : c.value,
      id: i,
    })),
  );
  const [refused, setRefused] = useState<Record<number, string>>({});
  const form = useRef<HTMLFormElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a line that was added is gone on with
  useEffect(() => {
    const inputs = form.current?.querySelectorAll<HTMLInputElement>("input");
    inputs?.[inputs.length - 1]?.focus();
  }, [lines.length]);
  const { one, add, labels } = words[kind];
  const set = (id: number, change: Partial<Contact>) =>
    setLines(lines.map((l) => (l.id === id ? { ...l, ...change } : l)));
  const drop = (id: number) => {
    const rest = lines.filter((l) => l.id !== id);
    setLines(rest.some((l) => l.primary) ? rest : rest.map((l, i) => ({ ...l, primary: i === 0 })));
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const doubts = lines.flatMap((l) => {
      const said = doubt(kind, l.value);
      return said ? [[l.id, said] as const] : [];
    });
    if (doubts.length > 0) return setRefused(Object.fromEntries(doubts));
    const kept = lines.filter((l) => l.value.trim());
    const first = kept.findIndex((l) => l.primary);
    const ordered = first > 0 ? [kept[first] as Line, ...kept.filter((_, i) => i !== first)] : kept;
    onDone(ordered.map((l, i) => contactOf(l, i === 0, value, kind)));
  };
  return (
    <form
      ref={form}
      className={classes.lines}
      onSubmit={submit}
      onKeyDown={(event) => {
        event.stopPropagation();
        if (event.key === "Escape") onCancel();
      }}
    >
      {lines.map((l, i) => (
        <div key={l.id} className={classes.row}>
          <button
            type="button"
            className={classes.star}
            aria-label={l.primary ? "The main one" : "Make it the main one"}
            title={l.primary ? "The main one" : "Make it the main one"}
            aria-pressed={l.primary}
            onClick={() => setLines(lines.map((x) => ({ ...x, primary: x.id === l.id })))}
          >
            <Star size={14} />
          </button>
          <input
            className={classes.input}
            data-autofocus={i === lines.length - 1 || undefined}
            aria-label={one}
            placeholder={one}
            aria-invalid={refused[l.id] ? true : undefined}
            value={l.value}
            onChange={(event) => set(l.id, { value: event.target.value })}
          />
          {labels.length > 0 && (
            <select
              className={classes.select}
              aria-label={`Kind of ${l.value || one}`}
              value={l.label || "work"}
              onChange={(event) => set(l.id, { label: event.target.value })}
            >
              {[...new Set([...labels, l.label || "work"])].map((label) => (
                <option key={label}>{label}</option>
              ))}
            </select>
          )}
          <button
            type="button"
            className={classes.drop}
            aria-label={`Remove ${l.value || one}`}
            onClick={() => drop(l.id)}
          >
            <X size={14} />
          </button>
          {refused[l.id] && (
            <span className={classes.refusal} role="alert">
              {refused[l.id]}
            </span>
          )}
        </div>
      ))}
      <div className={classes.foot}>
        <Button
          size="xs"
          variant="subtle"
          leftSection={<Plus size={13} />}
          onClick={() => {
            next.current += 1;
            setLines([...lines, { id: next.current, value: "", primary: lines.length === 0 }]);
          }}
        >
          {add}
        </Button>
        <Button size="xs" variant="filled" type="submit">
          Save
        </Button>
      </div>
    </form>
  );
}

/** What was not touched keeps how it was written. */
function contactOf(line: Line, primary: boolean, before: Contact[], kind: string): Contact {
  const same = before.find((b) => (kind === "phones" ? b.raw || b.value : b.value) === line.value.trim());
  const { id: _, ...plain } = line;
  return { ...plain, value: same?.value ?? line.value.trim(), raw: same ? same.raw : undefined, primary };
}

export function PeopleLines({
  workspaceId,
  value,
  onDone,
  onCancel,
}: LinesProps<CrmRecord["people"]> & { workspaceId: string }) {
  const [people, setPeople] = useState(value);
  return (
    <div className={classes.lines}>
      {people.map(({ person, role }) => (
        <div key={person.id} className={classes.row}>
          <RecordMark record={person} size={18} />
          <span className={classes.name}>{person.name}</span>
          <input
            className={classes.role}
            aria-label={`Role of ${person.name}`}
            placeholder="Role"
            value={role ?? ""}
            onKeyDown={(event) => {
              event.stopPropagation();
              if (event.key === "Enter") onDone(people);
              if (event.key === "Escape") onCancel();
            }}
            onChange={(event) =>
              setPeople(people.map((p) => (p.person.id === person.id ? { ...p, role: event.target.value } : p)))
            }
          />
          <button
            type="button"
            className={classes.drop}
            aria-label={`Remove ${person.name}`}
            onClick={() => setPeople(people.filter((p) => p.person.id !== person.id))}
          >
            <X size={14} />
          </button>
        </div>
      ))}
      <RecordPicker
        key={people.length}
        workspaceId={workspaceId}
        type="person"
        label="Add a person"
        without={people.map((p) => p.person.id)}
        onChoose={(r) => r && setPeople([...people, { person: { id: r.id, type: r.type, name: r.name }, role: "" }])}
        onClose={onCancel}
      />
      <div className={classes.foot}>
        <Button size="xs" variant="subtle" onClick={onCancel}>
          Cancel
        </Button>
        <Button size="xs" variant="filled" onClick={() => onDone(people)}>
          Save
        </Button>
      </div>
    </div>
  );
}
