/** Records: lists, one of them, changes that are shown at once and put back where they are refused. */
import { type InfiniteData, type QueryClient, useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useMemo, useState } from "react";
import { plural } from "@/lib/format";
import { inLine } from "@/lib/inLine";
import { outdate } from "@/lib/outdate";
import { explain, Problem } from "@/lib/problem";
import { contentOf, type Field, patchOf, withValue } from "@/lib/recordFields";
import {
  type CrmRecord,
  type MassChange,
  type ObjectType,
  objectsApi,
  type RecordQuery,
  recordKeys,
  recordsApi,
  tagsApi,
} from "@/lib/records";
import type { Page } from "@/lib/types";
import { cannotUndo, willUndo } from "@/lib/undoing";
import { say, sayFailed } from "@/ui/toast";
import { usePages } from "./usePages";

export function useRecordList(w: string, query: RecordQuery, enabled = true) {
  const list = usePages<CrmRecord>({
    queryKey: recordKeys.list(w, query),
    read: (cursor, signal) => recordsApi.list(w, { limit: 100, ...query }, cursor, signal),
    keep: true,
    enabled,
  });
  const records = useMemo(() => list.data?.pages.flatMap((p) => p.items) ?? [], [list.data]);
  return { ...list, records, total: list.data?.pages[0]?.total };
}

export const useRecord = (w: string, id: string) =>
  useQuery({ queryKey: recordKeys.record(w, id), queryFn: ({ signal }) => recordsApi.get(w, id, signal) });

const minutes = 60_000;

export function useObjects(w: string) {
  const query = useQuery({
    queryKey: recordKeys.objects(w),
    queryFn: ({ signal }) => objectsApi.list(w, signal),
    staleTime: 5 * minutes,
  });
  const objects = query.data?.items ?? none;
  return { ...query, objects, objectOf: (key: string): ObjectType | undefined => objects.find((o) => o.key === key) };
}
const none: ObjectType[] = [];

export const useTags = (w: string) =>
  useQuery({
    queryKey: recordKeys.tags(w),
    queryFn: ({ signal }) => tagsApi.list(w, signal),
    staleTime: 5 * minutes,
    select: (page) => page.items,
  });

export const useRecordCounts = (w: string) =>
  useQuery({
    queryKey: recordKeys.counts(w),
    queryFn: ({ signal }) => recordsApi.counts(w, signal),
    staleTime: minutes,
  });

type Lists = InfiniteData<Page<CrmRecord>> | undefined;

/** Puts a record into every list that shows it, and into its page. */
export function putRecord(client: QueryClient, w: string, record: CrmRecord) {
  client.setQueriesData<Lists>({ queryKey: recordKeys.lists(w) }, (data) =>
    data?.pages
      ? {
          ...data,
          pages: data.pages.map((page) =>
            page.items.some((r) => r.id === record.id)
              ? { ...page, items: page.items.map((r) => (r.id === record.id ? record : r)) }
              : page,
          ),
        }
      : data,
  );
  client.setQueryData<CrmRecord>(recordKeys.record(w, record.id), (now) => (now ? record : undefined));
}

/** The record as it is known now: an edit that waited must not write over the one before it. */
function known(client: QueryClient, w: string, record: CrmRecord): CrmRecord {
  let newest = client.getQueryData<CrmRecord>(recordKeys.record(w, record.id)) ?? record;
  for (const [, data] of client.getQueriesData<Lists>({ queryKey: recordKeys.lists(w) }))
    for (const page of data?.pages ?? [])
      for (const r of page.items) if (r.id === record.id && r.version > newest.version) newest = r;
  return newest;
}

/** A cell whose change was refused just now. */
export interface Refused {
  id: string;
  field: string;
}

/** Changes a field: seen at once, put back with the reason where it is refused. Z takes it back. */
export function useRecordEdit(w: string) {
  const client = useQueryClient();
  const [refused, setRefused] = useState<Refused>();
  const edit = useCallback(
    (record: CrmRecord, field: Field, value: unknown, undoing = false): Promise<CrmRecord | undefined> => {
      const before = contentOf(known(client, w, record), field);
      setRefused(undefined);
      outdate(client, recordKeys.lists(w), recordKeys.record(w, record.id));
      putRecord(client, w, withValue(known(client, w, record), field, value));
      const write = async () => {
        try {
          const next = await recordsApi.change(w, record.id, patchOf(field, value), known(client, w, record).version);
          putRecord(client, w, next);
          void client.invalidateQueries({ queryKey: recordKeys.evidence(w, record.id) });
          // On a board it is in another list now.
          if (field.key === "stage") void client.invalidateQueries({ queryKey: recordKeys.lists(w) });
          return next;
        } catch (error) {
          putRecord(client, w, withValue(known(client, w, record), field, before));
          setRefused({ id: record.id, field: field.key });
          refuse(error, field, () => void edit(record, field, value, undoing));
          void client.invalidateQueries({ queryKey: recordKeys.all(w) });
          return undefined;
        }
      };
      const mine = inLine(`record ${record.id}`, write);
      if (!undoing) willUndo(mine.then((kept) => kept && forAWhile(() => void edit(kept, field, before, true))));
      return mine;
    },
    [client, w],
  );
  return { edit, refused };
}

function forAWhile(undo: () => void) {
  setTimeout(() => cannotUndo(undo), 2 * minutes);
  return undo;
}

function refuse(error: unknown, field: Field, again: () => void) {
  const meanwhile = error instanceof Problem && error.status === 412;
  say({
    id: "record refused",
    title: `${field.name} is as it was before`,
    text: meanwhile ? "Somebody changed this record meanwhile. You see it as it is now." : explain(error).message,
    failed: true,
    ms: 15_000,
    actions: [{ label: "Try again", run: again }],
  });
}

/** Changes many records at once; the line below says how many, and takes it back. */
export function useMass(w: string) {
  const client = useQueryClient();
  return useCallback(
    async (change: MassChange, what: (n: number) => string): Promise<boolean> => {
      const fresh = () => client.invalidateQueries({ queryKey: recordKeys.all(w) });
      let isTaken = false;
      const wayBack = (id: string) => {
        const undo = async () => {
          isTaken = true;
          cannotUndo(undo);
          try {
            const back = await recordsApi.undoMany(w, id);
            say({ id: "records changed", text: `${plural(back.changed, "record")} as before` });
          } catch (error) {
            sayFailed("It could not be taken back", error);
          }
          await fresh();
        };
        return undo;
      };
      const asked = recordsApi.changeMany(w, change).then((done) => ({ ...done, undo: wayBack(done.undo_id) }));
      willUndo(asked.then((done) => done.undo));
      try {
        const { changed, undo } = await asked;
        await fresh();
        if (isTaken) return true;
        say({
          id: "records changed",
          text: what(changed),
          ms: 12_000,
          actions: [{ label: "Undo", keys: "Z", run: () => void undo() }],
        });
        return true;
      } catch (error) {
        sayFailed("Nothing was changed", error);
        return false;
      }
    },
    [client, w],
  );
}

/** Makes a new tag; undefined where that was refused. */
export function useNewTag(w: string) {
  const client = useQueryClient();
  return useCallback(
    async (name: string, mine = false) => {
      try {
        const tag = await tagsApi.create(w, { name, mine });
        await client.invalidateQueries({ queryKey: recordKeys.tags(w) });
        return tag;
      } catch (error) {
        sayFailed("The tag was not made", error);
        return undefined;
      }
    },
    [client, w],
  );
}
