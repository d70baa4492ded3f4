/** What can be done with the rows that are ticked. Everything has a way back. */
import { Button, Popover } from "@mantine/core";
import { Flag, GitMerge, RotateCcw, Tag as TagIcon, Trash2, UserRound, X } from "lucide-react";
import { type ComponentType, type ReactNode, useState } from "react";
import { useMass, useNewTag, useTags } from "@/hooks/useRecords";
import { count, plural } from "@/lib/format";
import { capital, stages } from "@/lib/recordFields";
import type { MassChange, RecordType } from "@/lib/records";
import { recordsApi } from "@/lib/records";
import { Swatch } from "@/ui/kit";
import { Picker } from "@/ui/Picker";
import { MemberPicker } from "@/ui/pickers";
import { sayFailed } from "@/ui/toast";
import classes from "./Bar.module.css";
import type { Ticks } from "./useTable";
import { Dot } from "./Value";

type Panel = "owner" | "stage" | "tag" | "untag";

interface Props {
  workspaceId: string;
  type: RecordType;
  ticks: Ticks;
  total: number | undefined;
  deleted: boolean;
  open: Panel | undefined;
  onOpen: (panel: Panel | undefined) => void;
  onMerge?: () => void;
  onChanged: () => void;
}

export function MassBar(props: Props) {
  const { workspaceId, type, ticks, total, open, onOpen } = props;
  const mass = useMass(workspaceId);
  const run = async (change: Omit<MassChange, "ids" | "all">, what: (n: number) => string) => {
    onOpen(undefined);
    if (await mass({ ...ticks.target(), ...change }, what)) ticks.clear();
  };
  const n = (amount: number) => plural(amount, "record");
  const panel = (name: Panel, label: string, Icon: ComponentType<{ size?: number }>, content: ReactNode) => (
    <Popover
      opened={open === name}
      onChange={(o) => onOpen(o ? name : undefined)}
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
          leftSection={<Icon size={14} />}
          onClick={() => onOpen(open === name ? undefined : name)}
        >
          {label}
        </Button>
      </Popover.Target>
      <Popover.Dropdown aria-label={label}>{content}</Popover.Dropdown>
    </Popover>
  );
  return (
    <div className={classes.mass} role="toolbar" aria-label="With the ticked records">
      <Button size="xs" variant="subtle" px={6} aria-label="Untick all" onClick={ticks.clear}>
        <X size={15} />
      </Button>
      <span className={classes.massCount} role="status">
        {count(ticks.count)} ticked
      </span>
      {ticks.full && !ticks.all && total !== undefined && total > ticks.count && (
        <Button size="xs" variant="subtle" onClick={ticks.chooseAll}>
          Tick all {count(total)}
        </Button>
      )}
      {props.deleted ? (
        <Restore {...props} />
      ) : (
        <>
          {panel(
            "owner",
            "Owner",
            UserRound,
            <MemberPicker
              workspaceId={workspaceId}
              none
              onChoose={(m) =>
                void run({ set: { owner_id: m?.id ?? null } }, (k) =>
                  m ? `${n(k)} given to ${m.name}` : `${n(k)} without an owner`,
                )
              }
              onClose={() => onOpen(undefined)}
            />,
          )}
          {panel("tag", "Tag", TagIcon, <Tagging {...props} verb="add" onRun={run} />)}
          {panel("untag", "Remove tag", TagIcon, <Tagging {...props} verb="remove" onRun={run} />)}
          {stages[type] &&
            panel(
              "stage",
              "Stage",
              Flag,
              <Picker
                label="Set the stage"
                choices={(stages[type] ?? []).map((s) => ({
                  value: s,
                  label: capital(s),
                  icon: <Dot value={s} />,
                }))}
                onChoose={(stage) => void run({ set: { stage } }, (k) => `${n(k)} moved to ${capital(stage)}`)}
                onClose={() => onOpen(undefined)}
              />,
            )}
          {props.onMerge && ticks.records.length === 2 && !ticks.all && (
            <Button size="xs" variant="subtle" leftSection={<GitMerge size={14} />} onClick={props.onMerge}>
              Merge
            </Button>
          )}
          <Button
            size="xs"
            variant="subtle"
            data-danger
            leftSection={<Trash2 size={14} />}
            onClick={() => void run({ delete: true }, (k) => `${n(k)} deleted`)}
          >
            Delete
          </Button>
        </>
      )}
    </div>
  );
}

function Restore({ workspaceId, ticks, onChanged }: Props) {
  const [busy, setBusy] = useState(false);
  const run = async () => {
    setBusy(true);
    try {
      for (const r of ticks.records) await recordsApi.restore(workspaceId, r.id);
      ticks.clear();
    } catch (error) {
      sayFailed("Not all came back", error);
    }
    setBusy(false);
    onChanged();
  };
  return (
    <Button size="xs" variant="subtle" leftSection={<RotateCcw size={14} />} loading={busy} onClick={() => void run()}>
      Restore
    </Button>
  );
}

interface TaggingProps extends Props {
  verb: "add" | "remove";
  onRun: (change: Omit<MassChange, "ids" | "all">, what: (n: number) => string) => Promise<void>;
}

function Tagging({ workspaceId, verb, onRun, onOpen }: TaggingProps) {
  const tags = useTags(workspaceId);
  const make = useNewTag(workspaceId);
  const list = tags.data ?? [];
  const run = (id: string, name: string) =>
    void onRun(verb === "add" ? { add_tags: [id] } : { remove_tags: [id] }, (k) =>
      verb === "add" ? `${plural(k, "record")} tagged ${name}` : `${plural(k, "record")} without ${name}`,
    );
  return (
    <Picker
      label={verb === "add" ? "Find or make a tag" : "Remove a tag"}
      loading={tags.isPending}
      choices={list.map((t) => ({
        value: t.id,
        label: t.name,
        note: t.mine ? "yours alone" : undefined,
        icon: <Swatch colour={t.colour} />,
      }))}
      onChoose={(id) => run(id, list.find((t) => t.id === id)?.name ?? "")}
      onCreate={
        verb === "add"
          ? async (name) => {
              const tag = await make(name);
              if (tag) run(tag.id, tag.name);
            }
          : undefined
      }
      createLabel="Make the tag"
      onClose={() => onOpen(undefined)}
    />
  );
}
