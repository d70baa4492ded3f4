/** What is known of a record, each value with where it comes from and changed where it stands. */

import { useQuery } from "@tanstack/react-query";
import { Pencil, Plus } from "lucide-react";
import { type KeyboardEvent, type MouseEvent, useRef, useState } from "react";
import type { Refused } from "@/hooks/useRecords";
import { contentOf, type Field } from "@/lib/recordFields";
import { type Sighting, suggestionsApi } from "@/lib/recordMail";
import { type CrmRecord, recordKeys } from "@/lib/records";
import { EvidenceMark } from "./Evidence";
import classes from "./Facts.module.css";
import { FieldEditor } from "./FieldEditor";
import { Value } from "./Value";

interface Props {
  workspaceId: string;
  record: CrmRecord;
  fields: Field[];
  refused: Refused | undefined;
  readOnly: boolean;
  onEdit: (field: Field, value: unknown) => void;
}

/** Shown also where nothing stands in them. */
const always = new Set([
  "emails",
  "phones",
  "title",
  "company",
  "stage",
  "owner",
  "tags",
  "domains",
  "amount",
  "close_date",
  "people",
]);
const elsewhere = new Set(["name", "created_by", "created_at", "updated_at", "last_at"]);

/** Sightings are of one value: those of a field that has several stand under its plural. */
export const plural: Record<string, string> = { email: "emails", phone: "phones" };

export function useEvidence(workspaceId: string, record: CrmRecord): (field: string) => Sighting[] {
  const { data } = useQuery({
    queryKey: recordKeys.evidence(workspaceId, record.id),
    queryFn: ({ signal }) => suggestionsApi.evidence(workspaceId, record.id, signal),
  });
  return (field) =>
    (data?.items ?? [])
      .filter((e) => e.field === field || plural[e.field] === field)
      .flatMap((e) => e.sightings)
      .filter((s) => s.state !== "dismissed" && s.state !== "suggested");
}

export function Facts({ workspaceId, record, fields, refused, readOnly, onEdit }: Props) {
  const [editing, setEditing] = useState<string>();
  const [all, setAll] = useState(false);
  const evidence = useEvidence(workspaceId, record);
  const listed = fields.filter((f) => !elsewhere.has(f.key));
  const empty = (f: Field) => contentOf(record, f) === undefined;
  const shown = listed.filter((f) => all || !empty(f) || always.has(f.key) || f.custom || editing === f.key);
  const hidden = listed.length - shown.length;
  return (
    <>
      <dl className={classes.facts}>
        {shown.map((field) => (
          <Fact
            key={field.key}
            workspaceId={workspaceId}
            record={record}
            field={field}
            editing={editing === field.key}
            refused={refused?.id === record.id && refused.field === field.key}
            readOnly={readOnly}
            sightings={evidence(field.key)}
            onStart={() => setEditing(field.key)}
            onEnd={() => setEditing(undefined)}
            onEdit={onEdit}
          />
        ))}
      </dl>
      {hidden > 0 && !readOnly && (
        <div className={classes.rest}>
          <button type="button" onClick={() => setAll(true)}>
            <Plus size={13} /> {hidden} more {hidden === 1 ? "field" : "fields"}
          </button>
        </div>
      )}
    </>
  );
}

interface FactProps extends Pick<Props, "workspaceId" | "record" | "readOnly" | "onEdit"> {
  field: Field;
  editing: boolean;
  refused: boolean;
  sightings: Sighting[];
  onStart: () => void;
  onEnd: () => void;
}

function Fact(props: FactProps) {
  const { record, field, editing, refused, readOnly, sightings, onStart, onEnd, onEdit } = props;
  const button = useRef<HTMLButtonElement>(null);
  const there = contentOf(record, field) !== undefined;
  const canEdit = field.editable && !readOnly;
  const end = () => {
    onEnd();
    requestAnimationFrame(() => button.current?.focus());
  };
  const onClick = (event: MouseEvent) => {
    if (canEdit && !(event.target as Element).closest("a,button")) onStart();
  };
  const onKeyDown = (event: KeyboardEvent) => event.key === "Enter" && canEdit && onStart();
  return (
    <div className={classes.fact} data-field={field.key} data-refused={refused || undefined}>
      <dt>{field.name}</dt>
      <dd>
        {editing ? (
          <FieldEditor
            workspaceId={props.workspaceId}
            record={record}
            field={field}
            onDone={(value) => {
              onEdit(field, value);
              end();
            }}
            onKeep={(value) => onEdit(field, value)}
            onCancel={end}
          />
        ) : (
          <>
            {/* biome-ignore lint/a11y/noStaticElementInteractions: a larger way to the button beside, which the keys reach */}
            <span
              className={classes.value}
              data-editable={canEdit || undefined}
              onClick={onClick}
              onKeyDown={onKeyDown}
            >
              {there ? (
                <Value record={record} field={field} />
              ) : (
                <span className={classes.none}>{canEdit ? "Add" : "None"}</span>
              )}
              {field.kind === "class" && there && record.class?.why && (
                <span className={classes.why}>
                  {record.class.by === "person" ? "Set by a member." : record.class.why}
                </span>
              )}
              {field.kind === "class" &&
                there &&
                record.class &&
                record.class.by !== "person" &&
                record.class.confidence > 0 && (
                  <small className={classes.hint}>{Math.round(record.class.confidence * 100)} %</small>
                )}
            </span>
            {there && (
              <EvidenceMark
                workspaceId={props.workspaceId}
                record={record}
                name={field.name}
                source={sourceOf(record, field)}
                sightings={sightings}
              />
            )}
            {canEdit && (
              <button
                ref={button}
                type="button"
                className={classes.pencil}
                aria-label={`${there ? "Change" : "Add"} ${field.name.toLowerCase()}`}
                title={there ? "Change" : "Add"}
                onClick={onStart}
              >
                <Pencil size={13} />
              </button>
            )}
          </>
        )}
      </dd>
    </div>
  );
}

const sourceOf = (record: CrmRecord, field: Field) =>
  record.sources[field.custom ? `fields.${field.key}` : field.key] ??
  record.sources[field.key] ??
  record.sources[`${field.key}_id`];
