/** What a table is filtered by: each a chip that can be changed and taken away, and the menu that adds one. */
import { Button, Popover } from "@mantine/core";
import { ListFilter, X } from "lucide-react";
import { type ReactNode, useState } from "react";
import { useNames } from "@/hooks/useNames";
import { useRecord, useTags } from "@/hooks/useRecords";
import { byText, capital, type Field } from "@/lib/recordFields";
import { filtersOf, type RecordsSearch } from "@/lib/recordView";
import { Picker } from "@/ui/Picker";
import { MemberPicker, RecordPicker } from "@/ui/pickers";
import classes from "./Bar.module.css";
import { Dot } from "./Value";

interface Props {
  workspaceId: string;
  fields: Field[];
  search: RecordsSearch;
  onChange: (next: Partial<RecordsSearch>) => void;
}

/** The values of a filter, to choose one. */
function Values({
  field,
  ...props
}: {
  workspaceId: string;
  field: Field;
  now?: string;
  onChoose: (v: string) => void;
}) {
  const tags = useTags(props.workspaceId);
  const label = `${field.name} is`;
  const list = (values: string[], text = capital, chips = false) => (
    <Picker
      label={label}
      choices={values.map((v) => ({
        value: v,
        label: text(v),
        icon: chips ? <Dot value={v} /> : undefined,
      }))}
      chosen={props.now ? [props.now] : []}
      onChoose={props.onChoose}
    />
  );
  if (field.kind === "owner") return <Owners {...props} label={label} />;
  if (field.kind === "tags")
    return (
      <Picker
        label={label}
        loading={tags.isPending}
        choices={(tags.data ?? []).map((t) => ({ value: t.id, label: t.name, note: t.mine ? "yours" : undefined }))}
        chosen={props.now ? [props.now] : []}
        onChoose={props.onChoose}
      />
    );
  if (field.kind === "relation")
    return (
      <RecordPicker
        workspaceId={props.workspaceId}
        type={field.target}
        label={label}
        onChoose={(r) => r && props.onChoose(r.id)}
      />
    );
  if (field.kind === "maker") return list(Object.keys(byText), (v) => capital(byText[v] ?? v));
  return list(field.options ?? [], field.custom ? (v) => v : capital, true);
}

function Owners(props: { workspaceId: string; label: string; now?: string; onChoose: (v: string) => void }) {
  const [others, setOthers] = useState(false);
  if (others)
    return (
      <MemberPicker
        workspaceId={props.workspaceId}
        label={props.label}
        chosen={props.now}
        onChoose={(m) => m && props.onChoose(m.id)}
      />
    );
  return (
    <Picker
      label={props.label}
      choices={[
        { value: "me", label: "You" },
        { value: "none", label: "Nobody" },
        { value: "others", label: "Somebody else" },
      ]}
      chosen={props.now ? [props.now] : []}
      onChoose={(v) => (v === "others" ? setOthers(true) : props.onChoose(v))}
    />
  );
}

export function AddFilter({ workspaceId, fields, search, onChange }: Props) {
  const [open, setOpen] = useState(false);
  const [field, setField] = useState<Field>();
  const possible = fields.filter((f) => f.filter);
  const close = () => {
    setOpen(false);
    setField(undefined);
  };
  return (
    <Popover
      opened={open}
      onChange={(o) => !o && close()}
      position="bottom-start"
      trapFocus
      returnFocus
      shadow="none"
      classNames={{ dropdown: classes.dropdown }}
    >
      <Popover.Target>
        <Button
          size="xs"
          variant="subtle"
          leftSection={<ListFilter size={14} />}
          data-filter-button
          onClick={() => (open ? close() : setOpen(true))}
        >
          Filter
        </Button>
      </Popover.Target>
      <Popover.Dropdown aria-label="Filter">
        {field?.filter ? (
          <Values
            key={field.key}
            workspaceId={workspaceId}
            field={field}
            now={search[field.filter as "stage"]}
            onChoose={(v) => {
              onChange({ [field.filter as string]: v });
              close();
            }}
          />
        ) : (
          <Picker
            label="Filter by"
            choices={[
              ...possible.map((f) => ({ value: f.key, label: f.name })),
              { value: "deleted", label: "Deleted" },
            ]}
            onChoose={(key) => {
              if (key === "deleted") {
                onChange({ deleted: true });
                close();
              } else setField(possible.find((f) => f.key === key));
            }}
          />
        )}
      </Popover.Dropdown>
    </Popover>
  );
}

export function FilterChips({ workspaceId, fields, search, onChange }: Props) {
  const set = filtersOf(search);
  if (set.length === 0) return null;
  return (
    <ul className={classes.chips} aria-label="Filters">
      {set.map(([key, value]) => {
        const field = fields.find((f) => f.filter === key);
        return (
          <li key={key} className={classes.chip}>
            {field ? (
              <Changeable workspaceId={workspaceId} field={field} value={value} onChange={onChange} />
            ) : (
              <span className={classes.chipText}>{key === "deleted" ? "Deleted" : `${capital(key)} ${value}`}</span>
            )}
            <button
              type="button"
              className={classes.chipDrop}
              aria-label={`Without the filter ${field?.name ?? capital(key)}`}
              onClick={() => onChange({ [key]: undefined })}
            >
              <X size={13} />
            </button>
          </li>
        );
      })}
      <li>
        <Button
          size="xs"
          variant="subtle"
          onClick={() => onChange(Object.fromEntries(set.map(([key]) => [key, undefined])))}
        >
          Clear
        </Button>
      </li>
    </ul>
  );
}

function Changeable(props: {
  workspaceId: string;
  field: Field;
  value: string;
  onChange: (next: Partial<RecordsSearch>) => void;
}) {
  const [open, setOpen] = useState(false);
  const { field, value } = props;
  return (
    <Popover
      opened={open}
      onChange={setOpen}
      position="bottom-start"
      trapFocus
      returnFocus
      shadow="none"
      classNames={{ dropdown: classes.dropdown }}
    >
      <Popover.Target>
        <button type="button" className={classes.chipText} onClick={() => setOpen(!open)}>
          {field.name} <span>is</span> <Named {...props} />
        </button>
      </Popover.Target>
      <Popover.Dropdown aria-label={`${field.name} is`}>
        <Values
          workspaceId={props.workspaceId}
          field={field}
          now={value}
          onChoose={(v) => {
            props.onChange({ [field.filter as string]: v });
            setOpen(false);
          }}
        />
      </Popover.Dropdown>
    </Popover>
  );
}

/** The value of a filter as people say it. */
function Named({ workspaceId, field, value }: { workspaceId: string; field: Field; value: string }): ReactNode {
  switch (field.kind) {
    case "owner":
      return value === "me" ? "you" : value === "none" ? "nobody" : <Member workspaceId={workspaceId} id={value} />;
    case "tags":
      return <TagName workspaceId={workspaceId} id={value} />;
    case "relation":
      return <RecordName workspaceId={workspaceId} id={value} />;
    case "maker":
      return byText[value] ?? value;
    default:
      return field.custom ? value : capital(value);
  }
}

function Member({ workspaceId, id }: { workspaceId: string; id: string }) {
  return useNames(workspaceId, [id])(id) ?? "somebody";
}

function TagName({ workspaceId, id }: { workspaceId: string; id: string }) {
  return useTags(workspaceId).data?.find((t) => t.id === id)?.name ?? "a tag";
}

function RecordName({ workspaceId, id }: { workspaceId: string; id: string }) {
  return useRecord(workspaceId, id).data?.name ?? "a record";
}
