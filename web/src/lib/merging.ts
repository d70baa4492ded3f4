/** Records that are the same, and records from files and to files. */
import type * as shapes from "./generated/api";
import * as api from "./generated/api";
import { problemOf } from "./http";
import type { CrmRecord, RecordQuery } from "./records";
import type { Page } from "./types";

export type Duplicate = Omit<shapes.Duplicate, "records"> & { records: CrmRecord[] };
export type { Import } from "./generated/api";

type Stop = AbortSignal | undefined;
const once = () => ({ headers: { "Idempotency-Key": crypto.randomUUID() } });

export const mergingApi = {
  duplicates: (w: string, query: shapes.ListDuplicatesParams, cursor?: string, signal?: Stop) =>
    api.listDuplicates(w, { ...query, cursor }, { signal }) as Promise<Page<Duplicate>>,
  dismiss: (w: string, id: string) => api.dismissDuplicate(w, encodeURIComponent(id)),
  merge: (w: string, into: string, other_ids: string[], keep: Record<string, string>) =>
    api.mergeRecords(w, into, { other_ids, keep }, once()),
  undo: (w: string, merge: string) => api.undoMerge(w, merge),
};

export const importsApi = {
  create: (w: string, file: shapes.NewImport) => api.createImport(w, file, once()),
  get: (w: string, id: string, signal?: Stop) => api.getImport(w, id, { signal }),
  change: (w: string, id: string, patch: shapes.ImportPatch) => api.changeImport(w, id, patch),
  run: (w: string, id: string) => api.runImport(w, id),
  undo: (w: string, id: string) => api.undoImport(w, id),
  /** A table of lines with the reason, heads first: a file, as text. */
  mistakes: async (w: string, id: string, signal?: Stop) => {
    const answer = await fetch(api.getListImportMistakesUrl(w, id), { signal, credentials: "same-origin" });
    if (!answer.ok) throw await problemOf(answer);
    return answer.text();
  },
  mistakesUrl: (w: string, id: string) => api.getListImportMistakesUrl(w, id),
  /** A file, not a call. Of the own fields of a type the server takes each by its name. */
  exportUrl: (w: string, format: shapes.ExportRecordsFormat, query: RecordQuery) => {
    const search = new URLSearchParams({ format });
    for (const [key, value] of Object.entries(query))
      if (value !== undefined && value !== "") search.set(key, String(value));
    return `${api.getExportRecordsUrl(w, { format }).split("?")[0]}?${search}`;
  },
};
