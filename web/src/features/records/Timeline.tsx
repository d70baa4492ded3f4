/** The middle of a record's page: what was written, done and noted, the newest first. */
import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { History } from "lucide-react";
import { type FormEvent, type RefObject, useState } from "react";
import { paths } from "@/app/paths";
import { useSession } from "@/app/session";
import { useNoteActs, useTimeline } from "@/hooks/useActivities";
import type { ActivityKind } from "@/lib/recordMail";
import type { CrmRecord } from "@/lib/records";
import { ActivityItem } from "@/ui/ActivityItem";
import { Bones, Empty, Failed } from "@/ui/kit";
import { More } from "@/ui/More";
import pieces from "@/ui/pieces.module.css";
import classes from "./Timeline.module.css";

export const kinds: { value: ActivityKind; label: string }[] = [
  { value: "email", label: "E-mails" },
  { value: "note", label: "Notes" },
  { value: "task", label: "Tasks" },
  { value: "meeting", label: "Meetings" },
  { value: "call", label: "Calls" },
];

interface Props {
  workspaceId: string;
  record: CrmRecord;
  readOnly: boolean;
  note: RefObject<HTMLTextAreaElement | null>;
}

export function Timeline({ workspaceId, record, readOnly, note }: Props) {
  const { user } = useSession();
  const [chosen, setChosen] = useState<ActivityKind[]>([]);
  const list = useTimeline(workspaceId, record.id, chosen);
  const toggle = (kind: ActivityKind) =>
    setChosen(chosen.includes(kind) ? chosen.filter((k) => k !== kind) : [...chosen, kind]);
  return (
    <div className={classes.timeline}>
      {!readOnly && <NoteComposer workspaceId={workspaceId} record={record} area={note} />}
      {/* biome-ignore lint/a11y/useSemanticElements: a group of buttons, no form */}
      <div role="group" aria-label="What is shown" className={pieces.choices}>
        <button type="button" aria-pressed={chosen.length === 0} onClick={() => setChosen([])}>
          All
        </button>
        {kinds.map((k) => (
          <button key={k.value} type="button" aria-pressed={chosen.includes(k.value)} onClick={() => toggle(k.value)}>
            {k.label}
          </button>
        ))}
        <Link to={paths.inbox} search={{ record: record.id }} className={classes.inbox}>
          Mail in the inbox
        </Link>
      </div>
      {list.isPending ? (
        <Bones rows={5} height={52} />
      ) : list.error && list.activities.length === 0 ? (
        <Failed error={list.error} retry={list.refetch} title="The timeline could not be loaded" />
      ) : list.activities.length === 0 ? (
        <Empty
          icon={<History size={18} />}
          title={chosen.length > 0 ? "Nothing of that kind" : "Nothing has happened yet"}
        >
          {chosen.length > 0
            ? "Choose All to see everything."
            : "Mail, meetings, notes and tasks of this record appear here by themselves."}
        </Empty>
      ) : (
        <>
          <ol className={classes.list} aria-label="Timeline">
            {list.activities.map((a) => (
              <ActivityItem
                key={`${a.kind}${a.id}`}
                workspaceId={workspaceId}
                activity={a}
                of={record.id}
                mine={readOnly ? undefined : user.id}
              />
            ))}
          </ol>
          <More list={list} />
        </>
      )}
    </div>
  );
}

function NoteComposer({
  workspaceId,
  record,
  area,
}: {
  workspaceId: string;
  record: CrmRecord;
  area: RefObject<HTMLTextAreaElement | null>;
}) {
  const { create } = useNoteActs(workspaceId);
  const [text, setText] = useState("");
  const [busy, setBusy] = useState(false);
  const submit = async (event?: FormEvent) => {
    event?.preventDefault();
    if (!text.trim() || busy) return;
    setBusy(true);
    if (await create(record.id, text.trim())) setText("");
    setBusy(false);
  };
  return (
    <form className={classes.composer} onSubmit={(event) => void submit(event)}>
      <textarea
        ref={area}
        aria-label="Write a note"
        placeholder="Write a note"
        rows={text ? 4 : 1}
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) void submit();
          if (event.key === "Escape") event.currentTarget.blur();
        }}
      />
      {text && (
        <div className={classes.foot}>
          <span>Seen by everybody in the workspace.</span>
          <Button size="xs" variant="subtle" onClick={() => setText("")}>
            Discard
          </Button>
          <Button size="xs" variant="filled" type="submit" loading={busy} disabled={!text.trim()}>
            Save the note
          </Button>
        </div>
      )}
    </form>
  );
}
