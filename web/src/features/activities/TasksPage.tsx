/** What is to be done, by when it is due. */
import { Button } from "@mantine/core";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { SquareCheck } from "lucide-react";
import { useActions } from "@/actions/actions";
import { paths } from "@/app/paths";
import { useWorkspaceId } from "@/app/session";
import { useTasks } from "@/hooks/useActivities";
import { dueGroup } from "@/lib/due";
import type { Task } from "@/lib/records";
import { undoLast } from "@/lib/undoing";
import { Segments } from "@/ui/Choice";
import { Bones, cx, Empty, Failed, Page } from "@/ui/kit";
import { More } from "@/ui/More";
import pieces from "@/ui/pieces.module.css";
import { NewTask, TaskLine } from "@/ui/TaskLine";
import classes from "./activities.module.css";

const order = ["Overdue", "Today", "This week", "Later", "No date"] as const;

/** Tasks under their headings; those that are done under one. */
export function grouped(tasks: Task[], done: boolean, now = new Date()): [string, Task[]][] {
  if (done) return tasks.length > 0 ? [["Done", tasks]] : [];
  return order.flatMap((name) => {
    const here = tasks.filter((t) => dueGroup(t.due_at, now) === name);
    return here.length > 0 ? [[name, here] as [string, Task[]]] : [];
  });
}

export function TasksPage() {
  const workspaceId = useWorkspaceId();
  const search = useSearch({ from: "/crm/tasks" });
  const navigate = useNavigate({ from: paths.tasks });
  const state = search.state ?? "open";
  const list = useTasks(workspaceId, { assignee_id: search.all ? undefined : "me", state });
  const change = (next: Partial<typeof search>) =>
    void navigate({ search: (now) => ({ ...now, ...next }), replace: true });
  const toNew = () => document.getElementById("tasks-new")?.focus();
  useActions([
    { id: "tasks.new", label: "New task", group: "Tasks", keys: ["n"], icon: SquareCheck, run: toNew },
    { id: "tasks.undo", label: "Undo the last change", group: "Tasks", keys: ["z"], run: undoLast },
  ]);
  const groups = grouped(list.tasks, state === "done");
  return (
    <Page
      title="Tasks"
      aside={
        <Segments
          label="Whose"
          value={search.all ? "all" : "mine"}
          onChange={(v) => change({ all: v === "all" || undefined })}
          options={[
            { value: "mine", title: "Yours" },
            { value: "all", title: "Everybody's" },
          ]}
        />
      }
    >
      <NewTask workspaceId={workspaceId} id="tasks-new" />
      {/* biome-ignore lint/a11y/useSemanticElements: a group of buttons, no form */}
      <div className={cx(pieces.choices, classes.above)} role="group" aria-label="Which">
        {(["open", "overdue", "done"] as const).map((s) => (
          <button
            key={s}
            type="button"
            aria-pressed={state === s}
            onClick={() => change({ state: s === "open" ? undefined : s })}
          >
            {{ open: "Open", overdue: "Overdue", done: "Done" }[s]}
          </button>
        ))}
      </div>
      {list.isPending ? (
        <Bones rows={6} height={40} />
      ) : list.error && list.tasks.length === 0 ? (
        <Failed error={list.error} retry={list.refetch} title="The tasks could not be loaded" />
      ) : groups.length === 0 ? (
        <Empty
          icon={<SquareCheck size={18} />}
          title={{ open: "Nothing to do", overdue: "Nothing is overdue", done: "Nothing is done yet" }[state]}
          action={state === "open" && <Button onClick={toNew}>New task</Button>}
        >
          {state === "open" && "Tasks are made here, and on the page of each record."}
        </Empty>
      ) : (
        groups.map(([name, tasks]) => (
          <section key={name} className={classes.group}>
            <h2 data-bad={name === "Overdue" || undefined}>{name}</h2>
            {tasks.map((t) => (
              <TaskLine key={t.id} workspaceId={workspaceId} task={t} />
            ))}
          </section>
        ))
      )}
      <More list={list} />
    </Page>
  );
}
