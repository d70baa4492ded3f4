/** Everything that happened in the workspace, as far as the reader may see it. */
import { Button, Popover } from "@mantine/core";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { ChevronDown, History, X } from "lucide-react";
import { type ReactNode, useState } from "react";
import { paths } from "@/app/paths";
import { useWorkspaceId } from "@/app/session";
import { useActivities } from "@/hooks/useActivities";
import { useNames } from "@/hooks/useNames";
import { useObjects } from "@/hooks/useRecords";
import { longDate } from "@/lib/format";
import type { Activity } from "@/lib/recordMail";
import { ActivityItem } from "@/ui/ActivityItem";
import { Bones, Empty, Failed, Page } from "@/ui/kit";
import { More } from "@/ui/More";
import { Picker } from "@/ui/Picker";
import { MemberPicker } from "@/ui/pickers";
import pieces from "@/ui/pieces.module.css";
import classes from "./activities.module.css";

const kinds = [
  { value: "email", label: "E-mails" },
  { value: "note", label: "Notes" },
  { value: "task", label: "Tasks" },
  { value: "meeting", label: "Meetings" },
  { value: "call", label: "Calls" },
];

export function ActivitiesPage() {
  const workspaceId = useWorkspaceId();
  const search = useSearch({ from: "/crm/activities" });
  const navigate = useNavigate({ from: paths.activities });
  const list = useActivities(workspaceId, search);
  const { objects } = useObjects(workspaceId);
  const change = (next: Partial<typeof search>) =>
    void navigate({ search: (now) => ({ ...now, ...next }), replace: true });
  const chosen = search.kind?.split(",") ?? [];
  const toggle = (kind: string) => {
    const next = chosen.includes(kind) ? chosen.filter((k) => k !== kind) : [...chosen, kind];
    change({ kind: next.join(",") || undefined });
  };
  const types = objects.length > 0 ? objects.map((o) => ({ value: o.key, label: o.plural })) : [];
  const filtered = Boolean(search.kind || search.record_type || search.user_id);
  return (
    <Page title="Activities" wide>
      <div className={classes.bar}>
        {/* biome-ignore lint/a11y/useSemanticElements: a group of buttons, no form */}
        <div role="group" aria-label="What is shown" className={pieces.choices}>
          <button type="button" aria-pressed={chosen.length === 0} onClick={() => change({ kind: undefined })}>
            All
          </button>
          {kinds.map((k) => (
            <button key={k.value} type="button" aria-pressed={chosen.includes(k.value)} onClick={() => toggle(k.value)}>
              {k.label}
            </button>
          ))}
        </div>
        <span className={classes.gap} />
        <Chosen
          label="Records of any type"
          text={types.find((t) => t.value === search.record_type)?.label}
          onClear={search.record_type ? () => change({ record_type: undefined }) : undefined}
        >
          {(close) => (
            <Picker
              label="Records of type"
              choices={types}
              onChoose={(record_type) => {
                change({ record_type });
                close();
              }}
              onClose={close}
            />
          )}
        </Chosen>
        <Chosen
          label="By anybody"
          text={search.user_id && <Somebody workspaceId={workspaceId} id={search.user_id} />}
          onClear={search.user_id ? () => change({ user_id: undefined }) : undefined}
        >
          {(close) => (
            <MemberPicker
              workspaceId={workspaceId}
              label="By"
              onChoose={(m) => {
                if (m) change({ user_id: m.id });
                close();
              }}
              onClose={close}
            />
          )}
        </Chosen>
      </div>
      {list.isPending ? (
        <Bones rows={8} height={56} />
      ) : list.error && list.activities.length === 0 ? (
        <Failed error={list.error} retry={list.refetch} title="The activities could not be loaded" />
      ) : list.activities.length === 0 ? (
        <Empty
          icon={<History size={18} />}
          title={filtered ? "Nothing matches" : "Nothing has happened yet"}
          action={
            filtered && (
              <Button onClick={() => change({ kind: undefined, record_type: undefined, user_id: undefined })}>
                Show everything
              </Button>
            )
          }
        >
          {filtered ? "Choose fewer filters." : "Mail that is linked to records, notes and tasks appear here."}
        </Empty>
      ) : (
        <>
          {byDay(list.activities).map(([day, items]) => (
            <section key={day} className={classes.day}>
              <h2>{day}</h2>
              <ol className={classes.list}>
                {items.map((a) => (
                  <ActivityItem key={`${a.kind}${a.id}${a.record?.id}`} workspaceId={workspaceId} activity={a} />
                ))}
              </ol>
            </section>
          ))}
          <More list={list} />
        </>
      )}
    </Page>
  );
}

/** "Today", "Yesterday", "Tue", "3 Mar". */
const dayOf = (iso: string): string => {
  const text = longDate(iso).replace(/,?\s*\d{2}:\d{2}$/, "");
  return text[0]?.toUpperCase() + text.slice(1);
};

export function byDay(activities: Activity[]): [string, Activity[]][] {
  const days = new Map<string, Activity[]>();
  for (const a of activities) {
    const day = dayOf(a.at);
    days.set(day, [...(days.get(day) ?? []), a]);
  }
  return [...days];
}

function Somebody({ workspaceId, id }: { workspaceId: string; id: string }) {
  return useNames(workspaceId, [id])(id) ?? "Somebody";
}

interface ChosenProps {
  label: string;
  text: ReactNode;
  onClear: (() => void) | undefined;
  children: (close: () => void) => ReactNode;
}

function Chosen({ label, text, onClear, children }: ChosenProps) {
  const [open, setOpen] = useState(false);
  return (
    <span className={classes.chosen}>
      <Popover opened={open} onChange={setOpen} position="bottom-end" trapFocus returnFocus shadow="none">
        <Popover.Target>
          <Button size="xs" variant="subtle" rightSection={<ChevronDown size={13} />} onClick={() => setOpen(!open)}>
            {text || label}
          </Button>
        </Popover.Target>
        <Popover.Dropdown className={classes.dropdown} aria-label={label}>
          {children(() => setOpen(false))}
        </Popover.Dropdown>
      </Popover>
      {onClear && (
        <Button size="xs" variant="subtle" px={4} aria-label={`${label}: show all`} onClick={onClear}>
          <X size={13} />
        </Button>
      )}
    </span>
  );
}
