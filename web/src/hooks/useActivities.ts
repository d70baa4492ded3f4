/** What was done and is to be done: timelines, notes, tasks. */
import { type InfiniteData, useQueryClient } from "@tanstack/react-query";
import { useCallback, useMemo } from "react";
import { outdate } from "@/lib/outdate";
import { type Activity, type ActivityKind, type ActivityQuery, activitiesApi } from "@/lib/recordMail";
import { notesApi, recordKeys, type Task, type TaskPatch, type TaskQuery, tasksApi } from "@/lib/records";
import type { Page } from "@/lib/types";
import { cannotUndo, willUndo } from "@/lib/undoing";
import { say, sayFailed } from "@/ui/toast";
import { usePages } from "./usePages";

const flat = <T>(data: { pages: Page<T>[] } | undefined) => data?.pages.flatMap((p) => p.items) ?? [];

export function useTimeline(w: string, record: string, kinds: ActivityKind[]) {
  const kind = kinds.join(",") || undefined;
  const list = usePages<Activity>({
    queryKey: recordKeys.timeline(w, record, kind ?? ""),
    read: (cursor, signal) => activitiesApi.of(w, record, kind, cursor, signal),
    keep: true,
  });
  return { ...list, activities: useMemo(() => flat(list.data), [list.data]) };
}

export function useActivities(w: string, query: ActivityQuery) {
  const list = usePages<Activity>({
    queryKey: recordKeys.activities(w, query),
    read: (cursor, signal) => activitiesApi.all(w, query, cursor, signal),
    keep: true,
  });
  return { ...list, activities: useMemo(() => flat(list.data), [list.data]) };
}

export function useTasks(w: string, query: TaskQuery) {
  const list = usePages<Task>({
    queryKey: recordKeys.taskList(w, query),
    read: (cursor, signal) => tasksApi.list(w, query, cursor, signal),
    keep: true,
  });
  return { ...list, tasks: useMemo(() => flat(list.data), [list.data]), total: list.data?.pages[0]?.total };
}

type TaskLists = InfiniteData<Page<Task>> | undefined;

/** Changes tasks: seen at once, put back where it is refused; done and deleted have a way back. */
export function useTaskActs(w: string) {
  const client = useQueryClient();
  const fresh = useCallback(() => client.invalidateQueries({ queryKey: recordKeys.timelines(w) }), [client, w]);
  const show = useCallback(
    (id: string, change: (task: Task) => Task) =>
      client.setQueriesData<TaskLists>({ queryKey: recordKeys.tasks(w) }, (data) =>
        data?.pages
          ? {
              ...data,
              pages: data.pages.map((p) => ({ ...p, items: p.items.map((t) => (t.id === id ? change(t) : t)) })),
            }
          : data,
      ),
    [client, w],
  );
  const change = useCallback(
    async (task: Task, patch: TaskPatch, quiet = false) => {
      const { done, assignee_id: _, ...plain } = patch;
      outdate(client, recordKeys.tasks(w));
      show(task.id, (t) => ({
        ...t,
        ...(plain as Partial<Task>),
        ...(done === undefined ? {} : { done_at: done ? new Date().toISOString() : null }),
      }));
      const asked = tasksApi.change(w, task.id, patch);
      const undo = () => {
        cannotUndo(undo);
        void change(task, { done: false }, true);
      };
      const isTaken = done && !quiet ? willUndo(asked.then(() => undo)) : undefined;
      try {
        await asked;
        if (isTaken && !isTaken()) {
          say({
            id: `task ${task.id}`,
            text: `Done: ${task.title}`,
            actions: [{ label: "Undo", keys: "Z", run: undo }],
          });
        }
      } catch (error) {
        show(task.id, () => task);
        sayFailed("The task is as it was before", error);
      }
      await fresh();
    },
    [client, w, show, fresh],
  );
  const create = useCallback(
    async (task: TaskPatch & { title: string; record_id?: string }) => {
      try {
        await tasksApi.create(w, task);
        await fresh();
        return true;
      } catch (error) {
        sayFailed("The task was not made", error);
        return false;
      }
    },
    [w, fresh],
  );
  const remove = useCallback(
    async (task: Task) => {
      const asked = tasksApi.remove(w, task.id);
      const again = () => {
        cannotUndo(again); // made twice, it would be there twice
        void create({
          title: task.title,
          due_at: task.due_at ?? undefined,
          record_id: task.record?.id,
          assignee_id: task.assignee?.id,
        });
      };
      const isTaken = willUndo(asked.then(() => again));
      try {
        await asked;
        if (!isTaken())
          say({
            id: `task ${task.id}`,
            text: `Deleted: ${task.title}`,
            actions: [{ label: "Undo", keys: "Z", run: again }],
          });
      } catch (error) {
        sayFailed("The task was not deleted", error);
      }
      await fresh();
    },
    [w, create, fresh],
  );
  return { change, create, remove };
}

export function useNoteActs(w: string) {
  const client = useQueryClient();
  const act = useCallback(
    async (title: string, run: () => Promise<unknown>) => {
      try {
        await run();
        return true;
      } catch (error) {
        sayFailed(title, error);
        return false;
      } finally {
        await client.invalidateQueries({ queryKey: recordKeys.timelines(w) });
      }
    },
    [client, w],
  );
  return {
    create: (record: string, text: string) => act("The note was not kept", () => notesApi.create(w, record, text)),
    change: (id: string, text: string) => act("The note is as it was before", () => notesApi.change(w, id, text)),
    remove: async (id: string, record: string, text: string) => {
      const asked = act("The note was not deleted", () => notesApi.remove(w, id));
      const again = () => {
        cannotUndo(again);
        void act("The note could not be brought back", () => notesApi.create(w, record, text));
      };
      const isTaken = willUndo(asked.then((gone) => (gone ? again : undefined)));
      if (!(await asked) || isTaken()) return;
      say({ id: `note ${id}`, text: "Note deleted", actions: [{ label: "Undo", keys: "Z", run: again }] });
    },
  };
}
