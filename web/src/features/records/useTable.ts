/** What a table of records shows and which rows are ticked. */
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { tableOf } from "@/app/paths";
import { useObjects, useRecordList } from "@/hooks/useRecords";
import { fieldsOf } from "@/lib/recordFields";
import type { CrmRecord, MassChange, RecordType } from "@/lib/records";
import { columnsOf, queryOf, type RecordsSearch, type View, views } from "@/lib/recordView";
import { useRemembered } from "@/lib/remember";

export function useTable(workspaceId: string, type: RecordType) {
  const search = useSearch({ strict: false }) as RecordsSearch;
  const navigate = useNavigate();
  const objects = useObjects(workspaceId);
  const object = objects.objectOf(type);
  const fields = useMemo(() => fieldsOf(type, object), [type, object]);
  const [chosen, setChosen] = useRemembered<string[] | null>(`records.columns.${workspaceId}.${type}`, null);
  const columns = useMemo(() => columnsOf(fields, chosen ?? undefined), [fields, chosen]);
  const query = useMemo(() => queryOf(type, search), [type, search]);
  const list = useRecordList(workspaceId, query, search.layout !== "board");
  const change = useCallback(
    (next: Partial<RecordsSearch>, replace = true) =>
      void navigate({
        ...tableOf(type),
        search: (now: RecordsSearch) => ({ ...now, ...next }) as never,
        replace,
        resetScroll: false,
      }),
    [navigate, type],
  );
  const set = useCallback(
    (next: RecordsSearch) => void navigate({ ...tableOf(type), search: next as never, resetScroll: false }),
    [navigate, type],
  );
  return { search, objects, object, fields, columns, chosen, setChosen, query, list, change, set };
}

export type Table = ReturnType<typeof useTable>;

/** The views that this person keeps in this browser. */
export function useViews(workspaceId: string, type: RecordType) {
  const [list, setList] = useState<View[]>(() => views.read(workspaceId, type));
  const keep = (next: View[]) => {
    setList(next);
    views.write(workspaceId, type, next);
  };
  return {
    list,
    add: (view: Omit<View, "id">) => {
      const made = { ...view, id: crypto.randomUUID().slice(0, 8) };
      keep([...list, made]);
      return made;
    },
    update: (id: string, next: Partial<View>) => keep(list.map((v) => (v.id === id ? { ...v, ...next } : v))),
    remove: (id: string) => keep(list.filter((v) => v.id !== id)),
  };
}

export interface Ticks {
  has: (id: string) => boolean;
  count: number;
  /** All that match are meant, also those that are not loaded. */
  all: boolean;
  /** Every row that is loaded is ticked. */
  full: boolean;
  some: boolean;
  toggle: (record: CrmRecord, range?: boolean) => void;
  toggleAll: () => void;
  chooseAll: () => void;
  clear: () => void;
  /** Those that are meant, for the API. */
  target: () => Pick<MassChange, "ids" | "all">;
  records: CrmRecord[];
}

/** Ticks of one list; another list begins without. */
export function useTicks(table: Table): Ticks {
  const { list, query } = table;
  const { records, total } = list;
  const [ticked, setTicked] = useState<ReadonlySet<string>>(new Set());
  const [all, setAll] = useState(false);
  const anchor = useRef<string | undefined>(undefined);
  const name = JSON.stringify({ ...query, sort: undefined });
  // biome-ignore lint/correctness/useExhaustiveDependencies: another list, other rows
  useEffect(() => {
    setTicked(new Set());
    setAll(false);
  }, [name]);
  const latest = useRef(records);
  latest.current = records;
  const chosen = useMemo(() => records.filter((r) => ticked.has(r.id)), [records, ticked]);
  const toggle = useCallback((record: CrmRecord, range = false) => {
    const records = latest.current;
    const from = records.findIndex((r) => r.id === anchor.current);
    const to = records.findIndex((r) => r.id === record.id);
    const rows = range && from >= 0 ? records.slice(Math.min(from, to), Math.max(from, to) + 1) : [record];
    anchor.current = record.id;
    setAll(false);
    setTicked((now) => {
      const next = new Set(now);
      for (const { id } of rows) {
        if (range || !now.has(record.id)) next.add(id);
        else next.delete(id);
      }
      return next;
    });
  }, []);
  const full = records.length > 0 && chosen.length === records.length;
  const clear = useCallback(() => {
    setTicked(new Set());
    setAll(false);
  }, []);
  return {
    has: (id) => all || ticked.has(id),
    count: all ? (total ?? records.length) : chosen.length,
    all,
    full,
    some: chosen.length > 0,
    toggle,
    toggleAll: () => (full ? clear() : setTicked(new Set(records.map((r) => r.id)))),
    chooseAll: () => setAll(true),
    clear,
    target: () => (all ? { all: query } : { ids: chosen.map((r) => r.id) }),
    records: chosen,
  };
}
