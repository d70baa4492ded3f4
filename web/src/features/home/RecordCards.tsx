/** Records at a glance: how many there are of each type, what is to be decided and done, what happened last. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Sparkles } from "lucide-react";
import type { ReactNode } from "react";
import { paths, tableOf } from "@/app/paths";
import { useActivities, useTasks } from "@/hooks/useActivities";
import { useObjects, useRecordCounts } from "@/hooks/useRecords";
import { count, plural } from "@/lib/format";
import { suggestionsApi } from "@/lib/recordMail";
import { recordKeys } from "@/lib/records";
import { ActivityItem } from "@/ui/ActivityItem";
import { Bones, Card, Section } from "@/ui/kit";
import { iconOf } from "@/ui/RecordMark";
import { TaskLine } from "@/ui/TaskLine";
import classes from "./RecordCards.module.css";

/** A card for every type of records. */
export function ObjectCards({ workspaceId }: { workspaceId: string }) {
  const { objects } = useObjects(workspaceId);
  const counts = useRecordCounts(workspaceId);
  if (objects.length === 0) return null;
  return (
    <nav aria-label="Records" className={classes.cards}>
      {objects.map((o) => {
        const Icon = iconOf(o.key, o.icon);
        return (
          <Link key={o.key} {...tableOf(o.key)} className={classes.card}>
            <Icon size={16} strokeWidth={1.75} />
            <span>{o.plural}</span>
            <strong>{counts.data ? count(counts.data[o.key] ?? 0) : ""}</strong>
          </Link>
        );
      })}
    </nav>
  );
}

/** Says so where something is to be decided. */
export function SuggestionsNote({ workspaceId }: { workspaceId: string }) {
  const { data } = useQuery({
    queryKey: [...recordKeys.suggestions(workspaceId), "count"],
    queryFn: ({ signal }) => suggestionsApi.list(workspaceId, { state: "suggested", limit: 100 }, undefined, signal),
  });
  const n = data?.total ?? data?.items.length ?? 0;
  if (n === 0) return null;
  return (
    <Link to={paths.suggestions} className={classes.note}>
      <Sparkles size={15} strokeWidth={1.75} />
      <span>
        {data?.next_cursor ? `More than ${count(n)} suggestions` : plural(n, "suggestion")} from signatures{" "}
        {n === 1 ? "waits" : "wait"} for your decision.
      </span>
    </Link>
  );
}

export function DueTasks({ workspaceId }: { workspaceId: string }) {
  const { tasks } = useTasks(workspaceId, { assignee_id: "me", state: "open" });
  if (tasks.length === 0) return null;
  return (
    <Section title="Your tasks" aside={<All to={paths.tasks}>Show all</All>}>
      <Card className={classes.tasks}>
        {tasks.slice(0, 5).map((t) => (
          <TaskLine key={t.id} workspaceId={workspaceId} task={t} />
        ))}
      </Card>
    </Section>
  );
}

export function RecentActivity({ workspaceId }: { workspaceId: string }) {
  const { activities, isPending, error } = useActivities(workspaceId, {});
  if (error || (!isPending && activities.length === 0)) return null;
  return (
    <Section title="Recent activity" aside={<All to={paths.activities}>Show all</All>}>
      <Card className={classes.activity}>
        {isPending ? (
          <Bones rows={4} height={48} />
        ) : (
          <ol>
            {activities.slice(0, 6).map((a) => (
              <ActivityItem key={`${a.kind}${a.id}${a.record?.id}`} workspaceId={workspaceId} activity={a} />
            ))}
          </ol>
        )}
      </Card>
    </Section>
  );
}

const All = ({ to, children }: { to: typeof paths.tasks | typeof paths.activities; children: ReactNode }) => (
  <Link to={to} className={classes.all}>
    {children}
  </Link>
);
