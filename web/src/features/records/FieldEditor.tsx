/** Changing the value of a field where it stands: a line for words, a list for what is chosen, lines for several. */
import { Popover } from "@mantine/core";
import { type KeyboardEvent, type ReactNode, useEffect, useRef, useState } from "react";
import { capital, contentOf, doubt, draftOfMoney, type Field, moneyOf } from "@/lib/recordFields";
import type { Contact, CrmRecord, Money, RecordRef, Tag } from "@/lib/records";
import { cx } from "@/ui/kit";
import { Picker } from "@/ui/Picker";
import { MemberPicker, RecordPicker, TagPicker } from "@/ui/pickers";
import classes from "./FieldEditor.module.css";
import { ContactLines, PeopleLines } from "./Lines";
import { Dot, Value } from "./Value";

interface Props {
  workspaceId: string;
  record: CrmRecord;
  field: Field;
  /** Kept; `step` says where a table goes on: 1 below, "right" beside. */
  onDone: (value: unknown, step?: 1 | "right" | "left") => void;
  /** Kept at once, while it goes on being edited. */
  onKeep: (value: unknown) => void;
  onCancel: () => void;
}

const typed = new Set(["name", "text", "long", "number", "money", "date", "email", "phone", "url"]);

export function FieldEditor(props: Props) {
  return typed.has(props.field.kind) ? <LineEditor {...props} /> : <ChoiceEditor {...props} />;
}

/** What stands in the line before anything is typed. */
export function draftOf(field: Field, value: unknown): string {
  if (value === undefined) return "";
  if (field.kind === "money") return draftOfMoney(value as Money);
  return String(value);
}

/** The value that was typed; the words of a refusal where it is none. */
export function readDraft(field: Field, text: string, before: unknown): { value?: unknown; refusal?: string } {
  const currency = currencyOf(field, before);
  const refusal = field.required && !text.trim() ? `${field.name} is needed` : doubt(field.kind, text, currency);
  if (refusal) return { refusal };
  const bare = field.kind === "long" ? text.trimEnd() : text.trim();
  if (bare === "") return { value: undefined };
  if (field.kind === "number") return { value: Number(bare.replace(",", ".")) };
  if (field.kind === "money") return moneyOf(bare, currency);
  return { value: bare };
}

const currencyOf = (field: Field, before: unknown) =>
  (before as Money | null | undefined)?.currency || field.currency || "EUR";

function LineEditor({ record, field, onDone, onCancel }: Props) {
  const before = contentOf(record, field);
  const [text, setText] = useState(draftOf(field, before));
  const [refusal, setRefusal] = useState<string>();
  const over = useRef(false);
  const line = useRef<HTMLInputElement & HTMLTextAreaElement>(null);
  useEffect(() => {
    line.current?.focus();
    if (field.kind !== "date") line.current?.select();
  }, [field.kind]);
  const done = (step?: 1 | "right" | "left") => {
    if (over.current) return;
    const { value, refusal } = readDraft(field, text, before);
    if (refusal) {
      setRefusal(refusal);
      return;
    }
    over.current = true;
    if (JSON.stringify(value) === JSON.stringify(before)) onCancel();
    else onDone(value, step);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return;
    if (event.key === "Escape") {
      over.current = true;
      onCancel();
    } else if (event.key === "Enter" && !(field.kind === "long" && !event.metaKey && !event.ctrlKey)) done(1);
    else if (event.key === "Tab") done(event.shiftKey ? "left" : "right");
    else {
      event.stopPropagation();
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };
  const shared = {
    ref: line,
    className: cx(classes.line, field.kind === "long" && classes.area),
    "aria-label": field.name,
    "aria-invalid": refusal ? true : undefined,
    value: text,
    onKeyDown,
    onBlur: () =>
      doubt(field.kind, text, currencyOf(field, before)) || (field.required && !text.trim()) ? onCancel() : done(),
    onChange: (event: { target: { value: string } }) => {
      setText(event.target.value);
      setRefusal(undefined);
    },
  };
  return (
    <span className={classes.editor}>
      {field.kind === "long" ? (
        <textarea rows={4} {...shared} />
      ) : (
        <input
          type={field.kind === "date" ? "date" : field.kind === "email" ? "email" : "text"}
          inputMode={field.kind === "money" || field.kind === "number" ? "decimal" : undefined}
          placeholder={field.kind === "money" ? currencyOf(field, before) : undefined}
          {...shared}
        />
      )}
      {refusal && (
        <span className={classes.refusal} role="alert">
          {refusal}
        </span>
      )}
    </span>
  );
}

/** The value stays where it is, what can be chosen opens below it. */
function ChoiceEditor(props: Props) {
  const { record, field, onCancel } = props;
  return (
    <Popover
      opened
      onChange={(opened) => !opened && onCancel()}
      position="bottom-start"
      trapFocus
      returnFocus={false}
      shadow="none"
      offset={2}
      classNames={{ dropdown: classes.dropdown }}
    >
      <Popover.Target>
        <span className={classes.target}>
          <Value record={record} field={field} dense />
        </span>
      </Popover.Target>
      <Popover.Dropdown aria-label={field.name}>
        <Choices {...props} />
      </Popover.Dropdown>
    </Popover>
  );
}

function Choices({ workspaceId, record, field, onDone, onKeep, onCancel }: Props): ReactNode {
  const value = contentOf(record, field);
  switch (field.kind) {
    case "select":
    case "class": {
      const now =
        field.kind === "class" ? (value as { name: string } | undefined)?.name : (value as string | undefined);
      const options = (field.options ?? []).map((o) => ({
        value: o,
        label: field.custom ? o : capital(o),
        icon: <Dot value={o} />,
      }));
      const none = { value: "", label: "None" };
      return (
        <Picker
          label={`Choose ${field.name.toLowerCase()}`}
          choices={field.required || !value ? options : [none, ...options]}
          chosen={now ? [now] : []}
          onChoose={(v) => (v === now ? onCancel() : onDone(v || undefined))}
          onClose={onCancel}
        />
      );
    }
    case "owner":
      return (
        <MemberPicker
          workspaceId={workspaceId}
          none
          chosen={(value as { id: string } | undefined)?.id}
          onChoose={(m) => onDone(m ?? undefined)}
          onClose={onCancel}
        />
      );
    case "relation":
      return (
        <RecordPicker
          workspaceId={workspaceId}
          type={field.target}
          label={`Find ${field.name.toLowerCase()}`}
          none={value !== undefined}
          onChoose={(r) => onDone(r ? ({ id: r.id, type: r.type, name: r.name } satisfies RecordRef) : undefined)}
          onClose={onCancel}
        />
      );
    case "tags":
      return (
        <TagPicker
          workspaceId={workspaceId}
          chosen={(value as Tag[] | undefined) ?? []}
          onChange={onKeep}
          onClose={onCancel}
        />
      );
    case "people":
      return (
        <PeopleLines
          workspaceId={workspaceId}
          value={(value as CrmRecord["people"] | undefined) ?? []}
          onDone={onDone}
          onCancel={onCancel}
        />
      );
    case "domains":
      return (
        <ContactLines
          kind="domains"
          value={((value as string[] | undefined) ?? []).map((v, i) => ({ value: v, primary: i === 0 }))}
          onDone={(list) => onDone(list.map((c) => c.value))}
          onCancel={onCancel}
        />
      );
    default:
      return (
        <ContactLines
          kind={field.kind === "phones" ? "phones" : "emails"}
          value={(value as Contact[] | undefined) ?? []}
          onDone={onDone}
          onCancel={onCancel}
        />
      );
  }
}
