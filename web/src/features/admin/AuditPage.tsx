import { Select } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { ChevronRight, KeyRound, ScrollText } from "lucide-react";
import { useState } from "react";
import { useSession } from "@/app/session";
import { useNames } from "@/hooks/useNames";
import { rows, usePages } from "@/hooks/usePages";
import { auditApi } from "@/lib/adminApi";
import { auditAreas, auditPeriods, auditSentence, byDay, peopleIn, sinceOf } from "@/lib/audit";
import { exactDate } from "@/lib/format";
import { keys } from "@/lib/keys";
import { displayName } from "@/lib/people";
import type { AuditRow } from "@/lib/types";
import { CopyButton } from "@/ui/Copy";
import { Avatar, Empty, Mark, Page } from "@/ui/kit";
import { More } from "@/ui/More";
import classes from "./admin.module.css";
import { List } from "./parts";
import { useMembers } from "./useAdmin";

export function AuditPage() {
  const { workspace } = useSession();
  const [filter, setFilter] = useState({ user_id: "", action: "", period: "" });
  const [since, setSince] = useState<string>();
  const query = { user_id: filter.user_id || undefined, action: filter.action || undefined, since };
  const list = usePages({
    queryKey: keys.admin.audit(workspace.id, query),
    read: (cursor, signal) => auditApi.list(workspace.id, { ...query, cursor, limit: 50 }, signal),
  });
  const entries = rows(list.data);
  const days = byDay(entries);
  const name = useNames(workspace.id, entries.flatMap(peopleIn));
  const narrowed = Boolean(filter.user_id || filter.action || filter.period);
  return (
    <Page title="Audit log" wide lead="Who did what, and when. Tokens, keys and the content of mail never stand here.">
      <Filters
        value={filter}
        onChange={(next) => {
          setFilter(next);
          if (next.period !== filter.period) setSince(sinceOf(next.period));
        }}
      />
      <List
        query={list}
        what="The audit log"
        rows={8}
        empty={days.length === 0}
        whenEmpty={
          <Empty icon={<ScrollText size={18} />} title={narrowed ? "Nothing matches" : "Nothing has happened yet"}>
            {narrowed ? "Choose another person, another kind, or a longer time." : "It fills by itself."}
          </Empty>
        }
      >
        {days.map(({ day, rows: of }) => (
          <section key={day} className={classes.day} aria-label={day}>
            <h2>{day}</h2>
            <ul className={classes.trailList}>
              {of.map((row) => (
                <Line key={row.id} row={row} name={name} />
              ))}
            </ul>
          </section>
        ))}
      </List>
      <More list={list} />
    </Page>
  );
}

interface Filter {
  user_id: string;
  action: string;
  period: string;
}

function Filters({ value, onChange }: { value: Filter; onChange: (filter: Filter) => void }) {
  const { workspace } = useSession();
  return (
    <div className={classes.filters}>
      <Who w={workspace.id} value={value.user_id} onChange={(user_id) => onChange({ ...value, user_id })} />
      <Select
        aria-label="What"
        data={auditAreas.map((a) => ({ value: a.value, label: a.title }))}
        value={value.action}
        onChange={(action) => onChange({ ...value, action: action ?? "" })}
      />
      <Select
        aria-label="When"
        data={auditPeriods.map((p) => ({ value: p.value, label: p.title }))}
        value={value.period}
        onChange={(period) => onChange({ ...value, period: period ?? "" })}
      />
    </div>
  );
}

interface WhoProps {
  w: string;
  value: string;
  onChange: (id: string) => void;
}

/** Chooses a member; those further down are found by writing. */
function Who({ w, value, onChange }: WhoProps) {
  const [text, setText] = useState("");
  const [chosen, setChosen] = useState({ value: "", label: "Everybody" });
  const [q] = useDebouncedValue(text === chosen.label ? "" : text.trim(), 200);
  const found = rows(useMembers(w, q).data).map((m) => ({ value: m.user_id, label: displayName(m.name, m.email) }));
  const others = [{ value: "", label: "Everybody" }, ...found].filter((o) => o.value !== chosen.value);
  return (
    <Select
      aria-label="Who"
      searchable
      nothingFoundMessage="Nobody matches"
      searchValue={text}
      onSearchChange={setText}
      filter={({ options }) => options} // the server has looked already
      data={[chosen, ...others]}
      value={value}
      allowDeselect={false}
      onChange={(id, option) => {
        setChosen({ value: id ?? "", label: option?.label ?? "Everybody" });
        onChange(id ?? "");
      }}
    />
  );
}

const clock = (iso: string) => new Date(iso).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });

function Line({ row, name }: { row: AuditRow; name: (id: string) => string | undefined }) {
  const [open, setOpen] = useState(false);
  const said = auditSentence(row, name);
  return (
    <li>
      <button type="button" className={classes.entry} aria-expanded={open} onClick={() => setOpen(!open)}>
        <ChevronRight size={14} className={classes.turn} />
        <time dateTime={row.at} title={exactDate(row.at)}>
          {clock(row.at)}
        </time>
        <Face row={row} who={said.who} />
        <span className={classes.sentence}>
          <span className={classes.strong}>{said.who}</span> {said.text}
        </span>
        {said.note && (
          <span className={classes.outcome} data-outcome={row.outcome}>
            {said.note}
          </span>
        )}
      </button>
      {open && <Raw row={row} />}
    </li>
  );
}

/** Who it was: a person, a program with a key, or Rapport itself. */
function Face({ row, who }: { row: AuditRow; who: string }) {
  if (row.via === "api_key") {
    return (
      <span className={classes.face} aria-hidden="true">
        <KeyRound size={12} />
      </span>
    );
  }
  if (row.via === "system") return <Mark size={22} />;
  return <Avatar name={who} email={row.user_id || who} size={22} />;
}

/** The row as it was written. */
function Raw({ row }: { row: AuditRow }) {
  const facts: [string, string][] = [
    ["When", `${exactDate(row.at)} (${row.at})`],
    ["Action", row.action],
    ["Outcome", row.outcome],
    ["Detail", row.detail],
    ["On", row.target],
    ["By", row.user_id],
    ["Key", row.key_id],
    ["Through", row.via],
    ["From", row.remote],
    ["Row", row.id],
  ];
  return (
    <div className={classes.raw}>
      <dl>
        {facts
          .filter(([, value]) => value)
          .map(([title, value]) => (
            <div key={title}>
              <dt>{title}</dt>
              <dd>{value}</dd>
            </div>
          ))}
      </dl>
      <CopyButton text={JSON.stringify(row, null, 2)} what="the row" />
    </div>
  );
}
