import { CalendarClock, Trash2 } from "lucide-react";
import { type FormEvent, useState } from "react";
import { useTaskActs } from "@/hooks/useActivities";
import { dateOf, dueText, endOfDay } from "@/lib/due";
import type { Task } from "@/lib/records";
import { Avatar } from "./kit";
import { RecordChip } from "./RecordMark";
import classes from "./TaskLine.module.css";

/** A task: ticked when it is done, its day changed where it stands. */
export function TaskLine({
  workspaceId,
  task,
  bare,
}: {
  workspaceId: string;
  task: Task /** Its record is known. */;
  bare?: boolean;
}) {
  const { change, remove } = useTaskActs(workspaceId);
  const [dating, setDating] = useState(false);
  const due = task.due_at ? dueText(task.due_at) : undefined;
  return (
    <div className={classes.task} data-done={task.done_at ? true : undefined}>
      <input
        type="checkbox"
        aria-label={`Done: ${task.title}`}
        checked={task.done_at !== null}
        onChange={(event) => void change(task, { done: event.target.checked })}
      />
      <span className={classes.title}>{task.title}</span>
      {!bare && task.record && <RecordChip record={task.record} />}
      {dating ? (
        <input
          type="date"
          className={classes.date}
          aria-label={`Due date of ${task.title}`}
          ref={(input) => input?.focus()}
          defaultValue={task.due_at ? dateOf(task.due_at) : ""}
          onBlur={(event) => {
            setDating(false);
            const value = event.target.value;
            if (value !== (task.due_at ? dateOf(task.due_at) : ""))
              void change(task, { due_at: value ? endOfDay(value) : null });
          }}
          onKeyDown={(event) => (event.key === "Enter" || event.key === "Escape") && event.currentTarget.blur()}
        />
      ) : (
        <button
          type="button"
          className={classes.due}
          data-tone={task.done_at ? undefined : due?.tone}
          aria-label={due ? `Due ${due.text}. Change the date` : `Set a date for ${task.title}`}
          onClick={() => setDating(true)}
        >
          {due ? due.text : <CalendarClock size={14} />}
        </button>
      )}
      {task.assignee && (
        <span title={task.assignee.name} className={classes.who}>
          <Avatar name={task.assignee.name} email={task.assignee.id} size={20} />
          <span className="visually-hidden">{task.assignee.name}</span>
        </span>
      )}
      <button
        type="button"
        className={classes.drop}
        aria-label={`Delete the task ${task.title}`}
        title="Delete"
        onClick={() => void remove(task)}
      >
        <Trash2 size={14} />
      </button>
    </div>
  );
}

interface NewTaskProps {
  workspaceId: string;
  record?: string;
  id?: string;
  onMade?: () => void;
}

/** One line that makes a task. */
export function NewTask({ workspaceId, record, id, onMade }: NewTaskProps) {
  const { create } = useTaskActs(workspaceId);
  const [title, setTitle] = useState("");
  const [due, setDue] = useState("");
  const [busy, setBusy] = useState(false);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (!title.trim() || busy) return;
    setBusy(true);
    const made = await create({
      title: title.trim(),
      ...(due ? { due_at: endOfDay(due) } : {}),
      ...(record ? { record_id: record } : {}),
    });
    setBusy(false);
    if (!made) return;
    setTitle("");
    setDue("");
    onMade?.();
  };
  return (
    <form className={classes.new} onSubmit={(event) => void submit(event)}>
      <input
        id={id}
        className={classes.line}
        placeholder="New task"
        aria-label="New task"
        value={title}
        onChange={(event) => setTitle(event.target.value)}
      />
      {title.trim() && (
        <>
          <input
            type="date"
            className={classes.date}
            aria-label="Due"
            value={due}
            onChange={(event) => setDue(event.target.value)}
          />
          <button type="submit" className={classes.add} disabled={busy}>
            Add
          </button>
        </>
      )}
    </form>
  );
}
