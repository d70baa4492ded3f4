/** What mail and records have to do with each other: timelines, links, what was found in signatures, duplicates, files. */
import {
  type CrmRecord,
  get,
  type Note,
  once,
  type RecordQuery,
  type RecordRef,
  send,
  type Task,
  urlOf,
} from "./records";
import type { EmailListItem, Page } from "./types";

export type ActivityKind = "email" | "note" | "task" | "meeting" | "call";

export interface Activity {
  id: string;
  kind: ActivityKind;
  at: string;
  record: RecordRef | null;
  email?: EmailListItem | null;
  note?: Note | null;
  task?: Task | null;
  event?: { title: string; start: string; end: string; status: string } | null;
  why?: { rule: string; text: string } | null;
}

export interface ActivityQuery {
  kind?: string;
  record_type?: string;
  user_id?: string;
}

export interface Sighting {
  id: string;
  field: string;
  value: string;
  label: string;
  ext: string;
  line: string;
  email_id: string;
  seen_at: string;
  engine: string;
  confidence: number;
  state: "applied" | "confirmed" | "suggested" | "accepted" | "dismissed" | "superseded";
  note: string;
  decided_by: string;
  decided_at: string | null;
}

export interface Suggestion extends Sighting {
  record: RecordRef;
  current: string;
}

export interface FieldEvidence {
  field: string;
  sightings: Sighting[];
}

export interface EnrichResult {
  messages: number;
  applied: Sighting[];
  suggested: Sighting[];
}

export interface Enrichment {
  mode: "rules" | "model" | "both";
  provider: string;
  model: string;
  base_url: string;
  has_key: boolean;
  installed: boolean;
  allowed: boolean;
  statement: string;
  trouble: string;
  trouble_at: string | null;
}

export interface EnrichmentPatch {
  mode?: Enrichment["mode"];
  allowed?: boolean;
  provider?: string;
  model?: string;
  base_url?: string;
  key?: string;
}

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

export const activitiesApi = {
  of: (w: string, record: string, kind: string | undefined, cursor?: string, signal?: Stop) =>
    get<Page<Activity>>(w, `/records/${record}/timeline`, { kind, cursor }, signal),
  all: (w: string, query: ActivityQuery, cursor?: string, signal?: Stop) =>
    get<Page<Activity>>(w, "/activities", { ...query, cursor }, signal),
};

export const linksApi = {
  add: (w: string, email: string, record_id: string, whole_thread = true) =>
    send<unknown>("POST", w, `/integrations/google/gmail/emails/${email}/link`, { record_id, whole_thread }),
  remove: (w: string, email: string, record: string) =>
    send<void>("DELETE", w, `/integrations/google/gmail/emails/${email}/link/${record}`),
};

export const suggestionsApi = {
  list: (w: string, query: { record_id?: string; state?: string; limit?: number }, cursor?: string, signal?: Stop) =>
    get<Page<Suggestion>>(w, "/suggestions", { ...query, cursor }, signal),
  accept: (w: string, id: string) => send<Suggestion>("POST", w, `/suggestions/${id}/accept`),
  dismiss: (w: string, id: string) => send<Suggestion>("POST", w, `/suggestions/${id}/dismiss`),
  evidence: (w: string, record: string, signal?: Stop) =>
    get<{ items: FieldEvidence[] }>(w, `/records/${record}/evidence`, undefined, signal),
  enrich: (w: string, record: string) => send<EnrichResult>("POST", w, `/records/${record}/enrich`),
};

export const enrichmentApi = {
  get: (w: string, signal?: Stop) => get<Enrichment>(w, "/enrichment", undefined, signal),
  change: (w: string, patch: EnrichmentPatch) => send<Enrichment>("PATCH", w, "/enrichment", patch),
};

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
