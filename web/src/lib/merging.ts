/** Records that are the same, and records from files and to files. */
import { call } from "./http";
import type { CrmRecord, RecordQuery } from "./records";
import type { Page } from "./types";

export interface Duplicate {
  id: string;
  records: CrmRecord[];
  reasons: { kind: string; detail: string }[];
  score: number;
}

export interface ImportColumn {
  name: string;
  samples: string[];
  field: string;
}

export interface ImportRow {
  row: number;
  action: "create" | "update" | "skip" | "error";
  why?: string;
  name?: string;
}

export interface Import {
  id: string;
  type: string;
  format: string;
  state: string;
  columns: ImportColumn[];
  rows: number;
  done?: number;
  preview: ImportRow[];
  counts: Record<string, number>;
  on_match: "update" | "skip" | "create";
}

type Stop = AbortSignal | undefined;

const urlOf = (w: string, path: string, query?: object) => {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query ?? {}))
    if (value !== undefined && value !== "") search.set(key, String(value));
  const text = search.toString();
  return `/api/v1/workspaces/${w}${path}${text ? `?${text}` : ""}`;
};
const get = <T>(w: string, path: string, query?: object, signal?: Stop) =>
  call<T>(urlOf(w, path, query), { method: "GET", signal });
const send = <T>(method: string, w: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
  call<T>(urlOf(w, path), {
    method,
    headers: { ...(body === undefined ? {} : { "Content-Type": "application/json" }), ...headers },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
const once = () => ({ "Idempotency-Key": crypto.randomUUID() });

export const mergingApi = {
  duplicates: (w: string, query: { type?: string; record_id?: string }, cursor?: string, signal?: Stop) =>
    get<Page<Duplicate>>(w, "/duplicates", { ...query, cursor }, signal),
  dismiss: (w: string, id: string) => send<void>("POST", w, `/duplicates/${encodeURIComponent(id)}/dismiss`),
  merge: (w: string, into: string, other_ids: string[], keep: Record<string, string>) =>
    send<{ merge_id: string; record: CrmRecord }>("POST", w, `/records/${into}/merge`, { other_ids, keep }, once()),
  undo: (w: string, merge: string) => send<unknown>("POST", w, `/merges/${merge}/undo`),
};

export const importsApi = {
  create: (w: string, file: { type: string; format: "csv" | "vcard"; name: string; content: string }) =>
    send<Import>("POST", w, "/imports", file, once()),
  get: (w: string, id: string, signal?: Stop) => get<Import>(w, `/imports/${id}`, undefined, signal),
  change: (w: string, id: string, patch: { mapping?: Record<string, string>; on_match?: Import["on_match"] }) =>
    send<Import>("PATCH", w, `/imports/${id}`, patch),
  run: (w: string, id: string) => send<Import>("POST", w, `/imports/${id}/run`),
  undo: (w: string, id: string) => send<unknown>("POST", w, `/imports/${id}/undo`),
  exportUrl: (w: string, format: "csv" | "vcard" | "jsonl", query: RecordQuery) =>
    urlOf(w, "/records/export", { format, ...query }),
};
