/** Records of the CRM: shapes and calls. Shapes of what belongs to mail are in lib/recordMail.ts. */
import { call } from "./http";
import type { Page } from "./types";

/** The key of an object type: "person", "company", "deal", or that of a custom one. */
export type RecordType = string;

export interface RecordRef {
  id: string;
  type: RecordType;
  name: string;
}

/** An e-mail address or a phone number of a record. */
export interface Contact {
  value: string;
  raw?: string;
  label?: string;
  ext?: string;
  primary: boolean;
}

/** Hundredths of a currency. */
export interface Money {
  minor: number;
  currency: string;
}

export type By = "member" | "mail" | "enrichment" | "calendar" | "contacts" | "api" | "import";

export interface Source {
  by: By;
  confidence?: number;
  email_id?: string;
  at: string;
}

export interface Tag {
  id: string;
  name: string;
  colour: string;
  mine: boolean;
}

export interface RecordClass {
  name: string;
  confidence: number;
  by: string;
  why?: string;
}

export interface CrmRecord {
  id: string;
  type: RecordType;
  name: string;
  first_name: string;
  last_name: string;
  emails: Contact[];
  phones: Contact[];
  domains: string[];
  title: string;
  company: RecordRef | null;
  stage: string;
  amount: Money | null;
  close_date: string | null;
  people: { person: RecordRef; role?: string }[];
  address: string;
  linkedin: string;
  website: string;
  description: string;
  class: RecordClass | null;
  fields: Record<string, unknown>;
  owner: { id: string; name: string } | null;
  tags: Tag[];
  external_ids: Record<string, string>;
  sources: Record<string, Source>;
  created_by: { by: By; user_id?: string; name?: string };
  created_at: string;
  updated_at: string;
  last_at: string | null;
  deleted_at: string | null;
  merged_into: string | null;
  version: number;
}

/** What a member may write of a record. Absent: unchanged. Null: emptied. */
export interface RecordPatch {
  name?: string;
  emails?: Contact[];
  phones?: Contact[];
  domains?: string[];
  title?: string | null;
  company_id?: string | null;
  stage?: string | null;
  amount?: Money | null;
  close_date?: string | null;
  people?: { person_id: string; role?: string }[];
  address?: string | null;
  linkedin?: string | null;
  website?: string | null;
  description?: string | null;
  class?: { name: string } | null;
  fields?: Record<string, unknown>;
  owner_id?: string | null;
  tag_ids?: string[];
}

export type NewRecord = RecordPatch & { type: RecordType };

export type FieldType = "text" | "number" | "money" | "date" | "select" | "email" | "phone" | "url" | "relation";

export interface ObjectField {
  key: string;
  name: string;
  type: FieldType;
  options?: string[];
  currency?: string;
  target?: RecordType;
  required?: boolean;
}

export interface ObjectType {
  id: string;
  key: RecordType;
  name: string;
  plural: string;
  icon: string;
  fields: ObjectField[];
  standard: boolean;
  count?: number;
}

export interface NewObject {
  key?: string;
  name: string;
  plural: string;
  icon: string;
  fields: ObjectField[];
}

/** Which records are meant: the filters of the list. */
export interface RecordQuery {
  type?: RecordType;
  q?: string;
  sort?: string;
  owner_id?: string;
  tag_id?: string;
  stage?: string;
  class?: string;
  company_id?: string;
  deal_id?: string;
  created_by?: string;
  email?: string;
  deleted?: boolean;
  limit?: number;
  [custom: `field.${string}`]: string | undefined;
}

export interface MassChange {
  ids?: string[];
  all?: RecordQuery;
  set?: { owner_id?: string | null; stage?: string; class?: string };
  add_tags?: string[];
  remove_tags?: string[];
  delete?: boolean;
}

export interface MassDone {
  changed: number;
  undo_id: string;
}

export interface Note {
  id: string;
  record: RecordRef;
  text: string;
  author: { id: string; name: string };
  created_at: string;
  updated_at: string;
}

export interface Task {
  id: string;
  record: RecordRef | null;
  title: string;
  due_at: string | null;
  done_at: string | null;
  assignee: { id: string; name: string } | null;
  author: { id: string; name: string };
  created_at: string;
}

export interface TaskPatch {
  title?: string;
  due_at?: string | null;
  done?: boolean;
  assignee_id?: string | null;
}

export type TaskState = "open" | "done" | "overdue";

type Stop = AbortSignal | undefined;

const at = (w: string, path: string, query?: object) => {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query ?? {}))
    if (value !== undefined && value !== "") search.set(key, String(value));
  const text = search.toString();
  return `/api/v1/workspaces/${w}${path}${text ? `?${text}` : ""}`;
};
export const get = <T>(w: string, path: string, query?: object, signal?: Stop) =>
  call<T>(at(w, path, query), { method: "GET", signal });
export const send = <T>(
  method: string,
  w: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
) =>
  call<T>(at(w, path), {
    method,
    headers: { ...(body === undefined ? {} : { "Content-Type": "application/json" }), ...headers },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
export const once = () => ({ "Idempotency-Key": crypto.randomUUID() });
export const urlOf = at;

export const recordsApi = {
  list: (w: string, query: RecordQuery, cursor?: string, signal?: Stop) =>
    get<Page<CrmRecord>>(w, "/records", { ...query, cursor }, signal),
  counts: (w: string, signal?: Stop) => get<Record<string, number>>(w, "/records/counts", undefined, signal),
  get: (w: string, id: string, signal?: Stop) => get<CrmRecord>(w, `/records/${id}`, undefined, signal),
  create: (w: string, record: NewRecord) => send<CrmRecord>("POST", w, "/records", record, once()),
  /** Refused with `changed_meanwhile` where the record is not at that version any more. */
  change: (w: string, id: string, patch: RecordPatch, version?: number) =>
    send<CrmRecord>("PATCH", w, `/records/${id}`, patch, version ? { "If-Match": `"${version}"` } : {}),
  remove: (w: string, id: string) => send<void>("DELETE", w, `/records/${id}`),
  restore: (w: string, id: string) => send<CrmRecord>("POST", w, `/records/${id}/restore`),
  changeMany: (w: string, change: MassChange) => send<MassDone>("POST", w, "/records/changes", change, once()),
  undoMany: (w: string, undo: string) => send<MassDone>("POST", w, `/records/changes/${undo}/undo`),
};

export const objectsApi = {
  list: (w: string, signal?: Stop) => get<{ items: ObjectType[] }>(w, "/objects", undefined, signal),
  create: (w: string, object: NewObject) => send<ObjectType>("POST", w, "/objects", object, once()),
  change: (w: string, key: string, patch: Partial<NewObject>) => send<ObjectType>("PATCH", w, `/objects/${key}`, patch),
  remove: (w: string, key: string, confirm?: number) =>
    send<void>("DELETE", w, `/objects/${key}${confirm === undefined ? "" : `?confirm=${confirm}`}`),
};

export const tagsApi = {
  list: (w: string, signal?: Stop) => get<{ items: Tag[] }>(w, "/tags", undefined, signal),
  create: (w: string, tag: { name: string; colour?: string; mine?: boolean }) =>
    send<Tag>("POST", w, "/tags", tag, once()),
  remove: (w: string, id: string) => send<void>("DELETE", w, `/tags/${id}`),
};

export const notesApi = {
  create: (w: string, record: string, text: string) =>
    send<Note>("POST", w, `/records/${record}/notes`, { text }, once()),
  change: (w: string, id: string, text: string) => send<Note>("PATCH", w, `/notes/${id}`, { text }),
  remove: (w: string, id: string) => send<void>("DELETE", w, `/notes/${id}`),
};

export interface TaskQuery {
  record_id?: string;
  assignee_id?: string;
  state?: TaskState;
}

export const tasksApi = {
  list: (w: string, query: TaskQuery, cursor?: string, signal?: Stop) =>
    get<Page<Task>>(w, "/tasks", { ...query, cursor }, signal),
  create: (w: string, task: TaskPatch & { title: string; record_id?: string }) =>
    send<Task>("POST", w, "/tasks", task, once()),
  change: (w: string, id: string, patch: TaskPatch) => send<Task>("PATCH", w, `/tasks/${id}`, patch),
  remove: (w: string, id: string) => send<void>("DELETE", w, `/tasks/${id}`),
};

/** Names in the query cache. */
export const recordKeys = {
  all: (w: string) => ["records", w] as const,
  lists: (w: string) => ["records", w, "list"] as const,
  list: (w: string, query: RecordQuery) => ["records", w, "list", query] as const,
  counts: (w: string) => ["records", w, "counts"] as const,
  record: (w: string, id: string) => ["records", w, "one", id] as const,
  tags: (w: string) => ["records", w, "tags"] as const,
  /** Of one record: all that changes with its mail, notes and tasks. */
  about: (w: string, id: string) => ["records", w, "about", id] as const,
  timelines: (w: string) => ["activities", w] as const,
  timeline: (w: string, id: string, kinds: string) => ["activities", w, "record", id, kinds] as const,
  activities: (w: string, query: object) => ["activities", w, "all", query] as const,
  tasks: (w: string) => ["activities", w, "tasks"] as const,
  taskList: (w: string, query: TaskQuery) => ["activities", w, "tasks", query] as const,
  objects: (w: string) => ["objects", w] as const,
  suggestions: (w: string) => ["records", w, "suggestions"] as const,
  suggestionsOf: (w: string, record: string) => ["records", w, "suggestions", record] as const,
  evidence: (w: string, record: string) => ["records", w, "evidence", record] as const,
  duplicates: (w: string, type: string) => ["records", w, "duplicates", type] as const,
  enrichment: (w: string) => ["enrichment", w] as const,
};

export const isStandard = (type: RecordType) => type === "person" || type === "company" || type === "deal";
