/** The right of a record's page: what is to be decided, done, and what else belongs to it. */
import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Plus } from "lucide-react";
import { type ReactNode, useState } from "react";
import { paths, tableOf } from "@/app/paths";
import { useTasks } from "@/hooks/useActivities";
import { useObjects, useRecordList } from "@/hooks/useRecords";
import { count } from "@/lib/format";
import { mergingApi } from "@/lib/merging";
import { capital, fieldsOf, makerText, money, secondLine } from "@/lib/recordFields";
import { type Suggestion, suggestionsApi } from "@/lib/recordMail";
import { type CrmRecord, type RecordQuery, type RecordRef, recordKeys } from "@/lib/records";
import { Time } from "@/ui/kit";
import { RecordMark } from "@/ui/RecordMark";
import { NewTask, TaskLine } from "@/ui/TaskLine";
import { NewRecordDialog } from "./NewRecord";
import classes from "./Related.module.css";
import { SuggestionCard } from "./SuggestionCard";
import { Chip } from "./Value";

interface Props {
  workspaceId: string;
  record: CrmRecord;
  readOnly: boolean;
  onMerge: (others: CrmRecord[]) => void;
}

export function useSuggestionsOf(workspaceId: string, record: string): Suggestion[] {
  const { data } = useQuery({
    queryKey: recordKeys.suggestionsOf(workspaceId, record),
    queryFn: ({ signal }) =>
      suggestionsApi.list(workspaceId, { record_id: record, state: "suggested" }, undefined, signal),
  });
  return data?.items ?? [];
}

export function Related({ workspaceId, record, readOnly, onMerge }: Props) {
  const suggestions = useSuggestionsOf(workspaceId, record.id);
  const ref: RecordRef = { id: record.id, type: record.type, name: record.name };
  const company = record.type === "company" ? ref : record.company;
  return (
    <div className={classes.related}>
      {!readOnly && suggestions.length > 0 && (
        <Part title="Suggestions" number={suggestions.length}>
          <div className={classes.cards}>
            {suggestions.map((s) => (
              <SuggestionCard key={s.id} workspaceId={workspaceId} suggestion={s} bare />
            ))}
          </div>
        </Part>
      )}
      {!readOnly && <DuplicateHint workspaceId={workspaceId} record={record} onMerge={onMerge} />}
      <Tasks workspaceId={workspaceId} record={record} readOnly={readOnly} />
      {record.type === "company" && (
        <>
          <Records
            workspaceId={workspaceId}
            title="People"
            query={{ type: "person", company_id: record.id, sort: "-last_at" }}
            add={readOnly ? undefined : { type: "person", what: "person", start: { company: ref } }}
          />
          <Records
            workspaceId={workspaceId}
            title="Deals"
            query={{ type: "deal", company_id: record.id, sort: "-updated_at" }}
            add={readOnly ? undefined : { type: "deal", what: "deal", start: { company: ref } }}
          />
        </>
      )}
      {record.type === "deal" && (
        <Records
          workspaceId={workspaceId}
          title="People"
          query={{ type: "person", deal_id: record.id }}
          notes={Object.fromEntries(record.people.map((p) => [p.person.id, p.role ?? ""]))}
        />
      )}
      {record.type === "person" && (
        <>
          <Records
            workspaceId={workspaceId}
            title="Deals"
            query={{ type: "deal", person_id: record.id, sort: "-updated_at" }}
            add={
              readOnly
                ? undefined
                : { type: "deal", what: "deal", start: { company, people: [{ person: ref, role: "" }] } }
            }
          />
          {company && (
            <Records
              workspaceId={workspaceId}
              title="Other deals"
              query={{ type: "deal", company_id: company.id, sort: "-updated_at" }}
              note={`of ${company.name}`}
              without={(r) => r.people.some((p) => p.person.id === record.id)}
            />
          )}
          {company && (
            <Records
              workspaceId={workspaceId}
              title="Colleagues"
              query={{ type: "person", company_id: company.id, sort: "-last_at" }}
              without={(r) => r.id === record.id}
            />
          )}
        </>
      )}
      <Reverse workspaceId={workspaceId} record={record} />
      <About record={record} />
    </div>
  );
}

function Part({
  title,
  number,
  note,
  aside,
  children,
}: {
  title: string;
  number?: number;
  note?: string;
  aside?: ReactNode;
  children: ReactNode;
}) {
  return (
    <section className={classes.part}>
      <header>
        <h2>
          {title} {number ? <span>{count(number)}</span> : null}
        </h2>
        {note && <small>{note}</small>}
        {aside}
      </header>
      {children}
    </section>
  );
}

function Tasks({ workspaceId, record, readOnly }: Pick<Props, "workspaceId" | "record" | "readOnly">) {
  const { tasks, isPending } = useTasks(workspaceId, { record_id: record.id, state: "open" });
  if (readOnly && tasks.length === 0) return null;
  return (
    <Part title="Tasks" number={tasks.length}>
      {tasks.map((t) => (
        <TaskLine key={t.id} workspaceId={workspaceId} task={t} bare />
      ))}
      {!readOnly && !isPending && <NewTask workspaceId={workspaceId} record={record.id} id="new-task" />}
    </Part>
  );
}

interface RecordsProps {
  workspaceId: string;
  title: string;
  query: RecordQuery;
  note?: string;
  notes?: Record<string, string>;
  without?: (record: CrmRecord) => boolean;
  add?: { type: string; what: string; start: Partial<CrmRecord> };
}

const shown = 6;

function Records({ workspaceId, title, query, note, notes, without, add }: RecordsProps) {
  const { records, total, isPending } = useRecordList(workspaceId, { ...query, limit: 20 });
  const { objectOf } = useObjects(workspaceId);
  const [adding, setAdding] = useState(false);
  const list = without ? records.filter((r) => !without(r)) : records;
  if (isPending || (list.length === 0 && !add)) return null;
  const all = (total ?? records.length) - (records.length - list.length);
  const { type = "", ...filters } = query;
  return (
    <Part
      title={title}
      number={all}
      note={list.length > 0 ? note : undefined}
      aside={
        add && (
          <button type="button" className={classes.add} aria-label={`New ${add.what}`} onClick={() => setAdding(true)}>
            <Plus size={14} />
          </button>
        )
      }
    >
      {list.length === 0 && <p className={classes.none}>None yet.</p>}
      <ul className={classes.list}>
        {list.slice(0, shown).map((r) => (
          <li key={r.id}>
            <Link to={paths.record} params={{ record: r.id }} className={classes.row}>
              <RecordMark record={r} icon={objectOf(r.type)?.icon} size={24} />
              <span className={classes.text}>
                <span>{r.name}</span>
                <small>
                  {notes?.[r.id] ||
                    (r.type === "person"
                      ? r.title || r.emails[0]?.value
                      : r.type === "deal"
                        ? money(r.amount)
                        : secondLine(r))}
                </small>
              </span>
              {r.type === "deal" && <Chip value={r.stage} />}
            </Link>
          </li>
        ))}
      </ul>
      {all > shown && (
        <Link
          {...tableOf(type)}
          search={{ ...filters, limit: undefined, sort: undefined } as never}
          className={classes.all}
        >
          Show all {count(all)}
        </Link>
      )}
      {adding && add && (
        <NewRecordDialog
          workspaceId={workspaceId}
          {...add}
          fields={fieldsOf(add.type, objectOf(add.type))}
          onClose={() => setAdding(false)}
        />
      )}
    </Part>
  );
}

/** Records of types that the workspace made, whose fields name this one. */
function Reverse({ workspaceId, record }: Pick<Props, "workspaceId" | "record">) {
  const { objects } = useObjects(workspaceId);
  const from = objects.flatMap((o) =>
    o.fields.filter((f) => f.type === "relation" && f.target === record.type).map((field) => ({ object: o, field })),
  );
  return from.map(({ object, field }) => (
    <Records
      key={`${object.key}.${field.key}`}
      workspaceId={workspaceId}
      title={object.plural}
      note={`by ${field.name.toLowerCase()}`}
      query={{ type: object.key, [`field.${field.key}`]: record.id }}
    />
  ));
}

function DuplicateHint({ workspaceId, record, onMerge }: Pick<Props, "workspaceId" | "record" | "onMerge">) {
  const { data } = useQuery({
    queryKey: [...recordKeys.duplicates(workspaceId, record.type), record.id],
    queryFn: ({ signal }) =>
      mergingApi.duplicates(workspaceId, { type: record.type, record_id: record.id }, undefined, signal),
    enabled: record.type === "person" || record.type === "company",
    staleTime: 60_000,
    retry: false,
  });
  const found = (data?.items ?? []).find((d) => d.records.some((r) => r.id === record.id));
  const other = found?.records.find((r) => r.id !== record.id);
  if (!found || !other) return null;
  return (
    <Part title="Perhaps the same">
      <div className={classes.hint}>
        <Link to={paths.record} params={{ record: other.id }} className={classes.row}>
          <RecordMark record={other} size={24} />
          <span className={classes.text}>
            <span>{other.name}</span>
            <small>{found.reasons.map((r) => r.detail).join(" · ")}</small>
          </span>
        </Link>
        <Button size="xs" onClick={() => onMerge([other])}>
          Compare and merge
        </Button>
      </div>
    </Part>
  );
}

function About({ record }: { record: CrmRecord }) {
  const external = Object.entries(record.external_ids ?? {});
  return (
    <Part title="About">
      <dl className={classes.about}>
        <div>
          <dt>Created</dt>
          <dd>
            <Time iso={record.created_at} style="long" /> · {makerText(record.created_by)}
          </dd>
        </div>
        <div>
          <dt>Changed</dt>
          <dd>
            <Time iso={record.updated_at} style="long" />
          </dd>
        </div>
        {record.last_at && (
          <div>
            <dt>Last activity</dt>
            <dd>
              <Time iso={record.last_at} style="long" />
            </dd>
          </div>
        )}
        {external.map(([system, id]) => (
          <div key={system}>
            <dt>{capital(system)}</dt>
            <dd>{id}</dd>
          </div>
        ))}
      </dl>
    </Part>
  );
}
