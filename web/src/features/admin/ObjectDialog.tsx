import { ActionIcon, Button, Checkbox, Modal, Select, TagsInput, TextInput } from "@mantine/core";
import { ChevronDown, ChevronUp, Plus, X } from "lucide-react";
import { type FormEvent, useRef, useState } from "react";
import { useSession } from "@/app/session";
import { useAct } from "@/hooks/useAct";
import { useObjects } from "@/hooks/useRecords";
import { Problem } from "@/lib/problem";
import { fieldsOf as standardFields } from "@/lib/recordFields";
import { type FieldType, type ObjectField, type ObjectType, objectsApi, recordKeys } from "@/lib/records";
import { DialogFoot, DialogProblem } from "@/ui/Confirm";
import { objectIcons } from "@/ui/RecordMark";
import classes from "./objects.module.css";

const types: { value: FieldType; label: string }[] = [
  { value: "text", label: "Text" },
  { value: "number", label: "Number" },
  { value: "money", label: "Money" },
  { value: "date", label: "Date" },
  { value: "select", label: "Choice" },
  { value: "email", label: "E-mail" },
  { value: "phone", label: "Phone" },
  { value: "url", label: "Link" },
  { value: "relation", label: "Another record" },
];

type Line = ObjectField & { id: number; old: boolean };

const slug = (name: string) =>
  name
    .normalize("NFD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "_")
    .replace(/^_+|_+$/g, "")
    .replace(/^(?=\d)/, "f_");

/** The key of a field that is new: from its name, and not that of another. */
export function keyFor(name: string, taken: string[]): string {
  const base = slug(name) || "field";
  if (!taken.includes(base)) return base;
  for (let n = 2; ; n++) if (!taken.includes(`${base}_${n}`)) return `${base}_${n}`;
}

/** Makes an object type, or changes one. */
export function ObjectDialog({ object, onClose }: { object?: ObjectType; onClose: () => void }) {
  const { workspace } = useSession();
  const { objects } = useObjects(workspace.id);
  const next = useRef(object?.fields.length ?? 0);
  const [name, setName] = useState(object?.name ?? "");
  const [many, setMany] = useState(object?.plural ?? "");
  const [icon, setIcon] = useState(object?.icon || "box");
  const [lines, setLines] = useState<Line[]>((object?.fields ?? []).map((f, id) => ({ ...f, id, old: true })));
  const save = useAct({
    run: () => {
      const fields = fieldsOf(lines, standing(object?.key ?? ""));
      if (!object) return objectsApi.create(workspace.id, { name: name.trim(), plural: many.trim(), icon, fields });
      return objectsApi.change(
        workspace.id,
        object.key,
        object.standard ? { fields } : { name: name.trim(), plural: many.trim(), icon, fields },
      );
    },
    stale: [recordKeys.objects(workspace.id), recordKeys.lists(workspace.id)],
    done: (made) => (object ? "Saved." : `${made.plural} are there for everybody.`),
    onDone: onClose,
  });
  const said = save.error instanceof Problem ? save.error.fields : {};
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate();
  };
  const set = (id: number, change: Partial<Line>) =>
    setLines(lines.map((l) => (l.id === id ? { ...l, ...change } : l)));
  const add = () => {
    next.current += 1;
    setLines([...lines, { id: next.current, old: false, key: "", name: "", type: "text" }]);
  };
  const move = (at: number, by: number) => {
    const list = [...lines];
    const [line] = list.splice(at, 1);
    if (line) list.splice(at + by, 0, line);
    setLines(list);
  };
  return (
    <Modal
      opened
      size="xl"
      onClose={onClose}
      title={object ? `Change ${object.plural.toLowerCase()}` : "Create a type"}
      closeButtonProps={{ "aria-label": "Close" }}
    >
      <form onSubmit={submit} className={classes.form}>
        {!object?.standard && (
          <>
            <div className={classes.names}>
              <TextInput
                label="Name"
                placeholder="Project"
                required
                withAsterisk={false}
                data-autofocus
                value={name}
                error={said.name}
                onChange={(event) => {
                  const text = event.currentTarget.value;
                  if (!many || many === `${name}s`) setMany(text ? `${text}s` : "");
                  setName(text);
                }}
              />
              <TextInput
                label="Several of them"
                placeholder="Projects"
                required
                withAsterisk={false}
                value={many}
                error={said.plural}
                onChange={(event) => setMany(event.currentTarget.value)}
              />
            </div>
            <fieldset className={classes.icons}>
              <legend>Icon</legend>
              {Object.entries(objectIcons).map(([key, Icon]) => (
                <label key={key} data-chosen={icon === key || undefined} title={key}>
                  <input type="radio" name="icon" checked={icon === key} onChange={() => setIcon(key)} />
                  <Icon size={17} strokeWidth={1.75} />
                  <span className="visually-hidden">{key}</span>
                </label>
              ))}
            </fieldset>
          </>
        )}
        <fieldset className={classes.fields}>
          <legend>Fields</legend>
          <p className={classes.fine}>A name, an owner and tags are always there.</p>
          {lines.map((line, i) => (
            <FieldLine
              key={line.id}
              line={line}
              objects={objects}
              first={i === 0}
              last={i === lines.length - 1}
              error={said[`fields[${i}]`] ?? said[`fields[${i}].name`] ?? said[`fields[${i}].options`]}
              onChange={(change) => set(line.id, change)}
              onMove={(by) => move(i, by)}
              onDrop={() => setLines(lines.filter((l) => l.id !== line.id))}
            />
          ))}
          <Button size="xs" variant="subtle" leftSection={<Plus size={14} />} onClick={add}>
            Add a field
          </Button>
        </fieldset>
        <DialogProblem error={save.error} />
        <DialogFoot>
          <Button variant="subtle" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" variant="filled" loading={save.isPending}>
            {object ? "Save" : "Create the type"}
          </Button>
        </DialogFoot>
      </form>
    </Modal>
  );
}

/** Keys of what records of a type have anyway, as the server knows them. */
const standing = (type: string) => [
  ...standardFields(type).map((f) => f.key),
  ...["id", "type", "description", "fields", "sources", "external_ids", "company", "version"],
];

/** What is sent: lines without a name are left out, new ones get a key. */
export function fieldsOf(lines: Line[], standing: string[] = []): ObjectField[] {
  const taken = [...standing, ...lines.filter((l) => l.old).map((l) => l.key)];
  return lines
    .filter((l) => l.name.trim())
    .map(({ id: _, old, options, currency, target, ...line }) => {
      const key = old ? line.key : keyFor(line.name, taken);
      if (!old) taken.push(key);
      return {
        ...line,
        key,
        name: line.name.trim(),
        ...(line.type === "select" ? { options: options ?? [] } : {}),
        ...(line.type === "money" ? { currency: currency || "EUR" } : {}),
        ...(line.type === "relation" ? { target: target || "person" } : {}),
      };
    });
}

interface LineProps {
  line: Line;
  objects: ObjectType[];
  first: boolean;
  last: boolean;
  error?: string;
  onChange: (change: Partial<Line>) => void;
  onMove: (by: number) => void;
  onDrop: () => void;
}

function FieldLine({ line, objects, first, last, error, onChange, onMove, onDrop }: LineProps) {
  const what = line.name || "the field";
  return (
    <div className={classes.line}>
      <TextInput
        aria-label="Name of the field"
        placeholder="Name of the field"
        value={line.name}
        error={error}
        onChange={(event) => onChange({ name: event.currentTarget.value })}
      />
      <Select
        aria-label={`Kind of ${what}`}
        data={types}
        value={line.type}
        disabled={line.old}
        onChange={(type) => type && onChange({ type: type as FieldType })}
      />
      {line.type === "select" ? (
        <TagsInput
          aria-label={`Choices of ${what}`}
          placeholder="Choices"
          value={line.options ?? []}
          onChange={(options) => onChange({ options })}
        />
      ) : line.type === "money" ? (
        <TextInput
          aria-label={`Currency of ${what}`}
          maxLength={3}
          value={line.currency ?? "EUR"}
          onChange={(event) => onChange({ currency: event.currentTarget.value.toUpperCase() })}
        />
      ) : line.type === "relation" ? (
        <Select
          aria-label={`What ${what} leads to`}
          data={objects.map((o) => ({ value: o.key, label: o.name }))}
          value={line.target ?? "person"}
          disabled={line.old}
          onChange={(target) => target && onChange({ target })}
        />
      ) : (
        <Checkbox
          label="Needed"
          checked={line.required ?? false}
          onChange={(event) => onChange({ required: event.currentTarget.checked })}
        />
      )}
      <span className={classes.tools}>
        <ActionIcon aria-label={`Move ${what} up`} disabled={first} onClick={() => onMove(-1)}>
          <ChevronUp size={15} />
        </ActionIcon>
        <ActionIcon aria-label={`Move ${what} down`} disabled={last} onClick={() => onMove(1)}>
          <ChevronDown size={15} />
        </ActionIcon>
        <ActionIcon aria-label={`Remove ${what}`} onClick={onDrop}>
          <X size={15} />
        </ActionIcon>
      </span>
    </div>
  );
}
