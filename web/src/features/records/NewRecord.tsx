import { Button, Modal, TextInput } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, type ReactNode, useId, useState } from "react";
import { paths } from "@/app/paths";
import { useSession } from "@/app/session";
import { useAct } from "@/hooks/useAct";
import { Problem } from "@/lib/problem";
import { capital, doubt, type Field, patchOf } from "@/lib/recordFields";
import { type Contact, type CrmRecord, type NewRecord, type RecordPatch, recordKeys, recordsApi } from "@/lib/records";
import { DialogFoot, DialogProblem } from "@/ui/Confirm";
import { say } from "@/ui/toast";
import { draftOf, FieldEditor, readDraft } from "./FieldEditor";
import classes from "./NewRecord.module.css";
import { Value } from "./Value";

interface Props {
  workspaceId: string;
  type: string;
  /** "person", "company", "project": said in the title. */
  what: string;
  fields: Field[];
  /** Filled in already. */
  start?: Partial<CrmRecord>;
  onClose: () => void;
  onMade?: (record: CrmRecord) => void;
}

const first: Record<string, string[]> = {
  person: ["name", "emails", "phones", "title", "company", "stage", "owner"],
  company: ["name", "domains", "phones", "owner"],
  deal: ["name", "stage", "amount", "company", "people", "close_date", "owner"],
};

const line = new Set(["name", "text", "number", "money", "date", "email", "phone", "url"]);
/** Several values of which a new record mostly has one. */
const single = new Set(["emails", "phones", "domains"]);

/** Makes a record from what is known of it; the rest is filled in on its page. */
export function NewRecordDialog({ workspaceId, type, what, fields, start, onClose, onMade }: Props) {
  const navigate = useNavigate();
  const { user } = useSession();
  const asked = fields.filter(
    (f) => f.editable && (first[type]?.includes(f.key) || f.custom || (!first[type] && f.key === "name")),
  );
  const [draft, setDraft] = useState<Record<string, unknown>>({
    owner: { id: user.id, name: user.name || user.email },
    ...(type === "deal" ? { stage: "new" } : type === "person" ? { stage: "lead" } : {}),
    ...start,
    ...start?.fields,
  });
  const [texts, setTexts] = useState<Record<string, string>>({});
  const [refusals, setRefusals] = useState<Record<string, string>>({});
  const make = useAct<NewRecord, CrmRecord>({
    run: (wish) => recordsApi.create(workspaceId, wish),
    stale: [recordKeys.lists(workspaceId), recordKeys.counts(workspaceId)],
    onDone: (record) => {
      onClose();
      if (onMade) onMade(record);
      else
        say({
          id: "record made",
          text: `${record.name} is made`,
          actions: [{ label: "Open", run: () => void navigate({ to: paths.record, params: { record: record.id } }) }],
        });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const { wish, refused } = wishOf(type, asked, draft, texts);
    setRefusals(refused);
    if (Object.keys(refused).length === 0) make.mutate(wish);
  };
  const said = make.error instanceof Problem ? make.error.fields : {};
  return (
    <Modal opened size="md" onClose={onClose} title={`New ${what}`} closeButtonProps={{ "aria-label": "Close" }}>
      <form className={classes.form} onSubmit={submit}>
        {asked.map((field, i) =>
          line.has(field.kind) || single.has(field.kind) ? (
            <TextInput
              key={field.key}
              label={oneOf(field)}
              data-autofocus={i === 0 || undefined}
              required={field.required}
              withAsterisk={false}
              type={field.kind === "date" ? "date" : "text"}
              inputMode={field.kind === "money" || field.kind === "number" ? "decimal" : undefined}
              rightSection={field.kind === "money" ? <small>{field.currency ?? "EUR"}</small> : undefined}
              value={texts[field.key] ?? startText(field, draft[field.key])}
              error={refusals[field.key] ?? said[field.key]}
              onChange={(event) => setTexts({ ...texts, [field.key]: event.currentTarget.value })}
            />
          ) : (
            <Chosen
              key={field.key}
              workspaceId={workspaceId}
              type={type}
              field={field}
              value={draft[field.key]}
              error={refusals[field.key] ?? said[field.key]}
              onChange={(value) => setDraft({ ...draft, [field.key]: value })}
            />
          ),
        )}
        {Object.keys(said).length === 0 && <DialogProblem error={make.error} />}
        <DialogFoot>
          <Button variant="subtle" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" variant="filled" loading={make.isPending}>
            Make the {what}
          </Button>
        </DialogFoot>
      </form>
    </Modal>
  );
}

const oneOf = (field: Field) =>
  ({ emails: "E-mail address", phones: "Phone number", domains: "Domain" })[field.key] ?? field.name;

const startText = (field: Field, value: unknown) =>
  single.has(field.kind)
    ? ((value as (Contact | string)[] | undefined) ?? []).map((c) => (typeof c === "string" ? c : c.value)).join(", ")
    : draftOf(field, value ?? undefined);

/** What is sent, or why not. */
export function wishOf(
  type: string,
  fields: Field[],
  draft: Record<string, unknown>,
  texts: Record<string, string>,
): { wish: NewRecord; refused: Record<string, string> } {
  const refused: Record<string, string> = {};
  const wish: NewRecord & RecordPatch = { type };
  for (const field of fields) {
    let value = draft[field.key];
    const text = texts[field.key] ?? startText(field, value);
    if (single.has(field.kind)) {
      const parts = text
        .split(/[,;]/)
        .map((t) => t.trim())
        .filter(Boolean);
      const said = parts.map((p) => doubt(field.kind, p)).find(Boolean);
      if (said) refused[field.key] = said;
      value = field.kind === "domains" ? parts : parts.map((v, i) => ({ value: v, label: "work", primary: i === 0 }));
      if (parts.length === 0) continue;
    } else if (line.has(field.kind)) {
      const read = readDraft(field, text, value);
      if (read.refusal) refused[field.key] = read.refusal;
      value = read.value;
    }
    if (field.required && (value === undefined || value === "")) refused[field.key] ??= `${field.name} is needed`;
    if (value === undefined || value === null) continue;
    const patch = patchOf(field, value);
    Object.assign(wish, patch, patch.fields ? { fields: { ...wish.fields, ...patch.fields } } : {});
  }
  return { wish, refused };
}

function Chosen(props: {
  workspaceId: string;
  type: string;
  field: Field;
  value: unknown;
  error?: ReactNode;
  onChange: (value: unknown) => void;
}) {
  const [open, setOpen] = useState(false);
  const id = useId();
  const { field, value } = props;
  const record = {
    id: "new",
    type: props.type,
    [field.key]: field.kind === "class" && value ? { name: value } : value,
    fields: { [field.key]: value },
    sources: {},
  } as unknown as CrmRecord;
  return (
    <div className={classes.chosen}>
      <span id={id} className={classes.label}>
        {field.name}
      </span>
      {open ? (
        <span className={classes.box}>
          <FieldEditor
            workspaceId={props.workspaceId}
            record={record}
            field={field}
            onDone={(v) => {
              props.onChange(v);
              setOpen(false);
            }}
            onKeep={props.onChange}
            onCancel={() => setOpen(false)}
          />
        </span>
      ) : (
        <button type="button" className={classes.box} aria-labelledby={`${id} ${id}v`} onClick={() => setOpen(true)}>
          <span id={`${id}v`} className={classes.now}>
            {value ? <Flat record={record} field={field} /> : <em>{capital("choose")}</em>}
          </span>
        </button>
      )}
      {props.error && (
        <span className={classes.error} role="alert">
          {props.error}
        </span>
      )}
    </div>
  );
}

/** Without links: they cannot stand in a button. */
function Flat({ record, field }: { record: CrmRecord; field: Field }) {
  if (field.kind === "relation" || field.kind === "people") {
    const value = (field.custom ? record.fields[field.key] : record[field.key as "company"]) as
      | { name: string }
      | CrmRecord["people"];
    return <span>{Array.isArray(value) ? value.map((p) => p.person.name).join(", ") : value.name}</span>;
  }
  return <Value record={record} field={field} dense />;
}
