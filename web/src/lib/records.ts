/** Records of the CRM: the API's shapes under the application's names, and calls. What belongs to mail is in lib/recordMail.ts. */
import type * as shapes from "./generated/api";
import * as api from "./generated/api";
import { call } from "./http";
import type { Page } from "./types";

export type { Contact, Money, NamedUser, Note, RecordClass, RecordRef, Tag } from "./generated/api";

/** The key of an object type: "person", "company", "deal", or that of a custom one. */
export type RecordType = string;

export type By = "member" | "mail" | "enrichment" | "calendar" | "contacts" | "api" | "import";
export type Source = Omit<shapes.RecordSource, "by"> & { by: By };
export type Maker = Omit<shapes.RecordMaker, "by"> & { by: By };

/** The description of the API does not say which parts may be null. */
type Nullable<T, K extends keyof T> = Omit<T, K> & { [P in K]: T[P] | null };

export type CrmRecord = Omit<
  Nullable<shapes.CrmRecord, "company" | "amount" | "class" | "owner">,
  "sources" | "created_by" | "people"
> & {
  sources: Record<string, Source>;
  created_by: Maker;
  people: { person: shapes.RecordRef; role?: string }[];
};

/** What a member may write of a record. Absent: unchanged. Null: emptied. */
export type RecordPatch = { [K in keyof shapes.RecordInput]?: shapes.RecordInput[K] | null };
export type NewRecord = RecordPatch & { type: RecordType };

export type FieldType = "text" | "number" | "money" | "date" | "select" | "email" | "phone" | "url" | "relation";
export type ObjectField = Omit<shapes.ObjectField, "key" | "type"> & { key: string; type: FieldType };
export type ObjectType = Omit<shapes.ObjectType, "fields"> & { fields: ObjectField[] };
export type NewObject = Omit<shapes.NewObjectType, "fields"> & { fields: ObjectField[] };

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
  person_id?: string;
  created_by?: string;
  email?: string;
  deleted?: boolean;
  limit?: number;
  [custom: `field.${string}`]: string | undefined;
}

export type MassChange = Omit<shapes.RecordsChange, "all" | "set"> & {
  all?: RecordQuery;
  set?: { owner_id?: string | null; stage?: string; class?: string };
};
export type MassDone = shapes.RecordsChanged;

export type Task = Nullable<shapes.Task, "assignee" | "record">;
export type TaskPatch = { [K in keyof shapes.TaskInput]?: shapes.TaskInput[K] | null };
export type TaskState = "open" | "done" | "overdue";

type Stop = AbortSignal | undefined;

const once = () => ({ headers: { "Idempotency-Key": crypto.randomUUID() } });

/** Of the own fields of a type the list takes each by its name, which the generated call cannot write. */
const listUrl = (url: string, query: object) => {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query))
    if (value !== undefined && value !== "") search.set(key, String(value));
  return `${url}?${search}`;
};

export const recordsApi = {
  list: (w: string, query: RecordQuery, cursor?: string, signal?: Stop) =>
    call<Page<CrmRecord>>(listUrl(api.getListRecordsUrl(w), { ...query, cursor }), { method: "GET", signal }),
  counts: (w: string, signal?: Stop) => api.countRecords(w, { signal }) as Promise<Record<string, number>>,
  get: (w: string, id: string, signal?: Stop) => api.getRecord(w, id, { signal }) as Promise<CrmRecord>,
  create: (w: string, record: NewRecord) =>
    api.createRecord(w, record as shapes.RecordInput, once()) as Promise<CrmRecord>,
  /** Refused with `changed_meanwhile` where the record is not at that version any more. */
  change: (w: string, id: string, patch: RecordPatch, version?: number) =>
    api.changeRecord(
      w,
      id,
      patch as shapes.RecordInput,
      version ? { headers: { "If-Match": `"${version}"` } } : {},
    ) as Promise<CrmRecord>,
  remove: (w: string, id: string) => api.deleteRecord(w, id),
  restore: (w: string, id: string) => api.restoreRecord(w, id) as Promise<CrmRecord>,
  changeMany: (w: string, change: MassChange) => api.changeRecords(w, change as shapes.RecordsChange, once()),
  undoMany: (w: string, undo: string) => api.undoRecordsChange(w, undo),
};

export const objectsApi = {
  list: (w: string, signal?: Stop) => api.listObjects(w, { signal }) as Promise<Page<ObjectType>>,
  create: (w: string, object: NewObject) => api.createObject(w, object, once()) as Promise<ObjectType>,
  change: (w: string, key: string, patch: Partial<NewObject>) => api.changeObject(w, key, patch) as Promise<ObjectType>,
  remove: (w: string, key: string, confirm?: number) => api.deleteObject(w, key, { confirm }),
};

export const recordSettingsApi = {
  get: (w: string, signal?: Stop) => api.getRecordSettings(w, { signal }),
  change: (w: string, region: string) => api.changeRecordSettings(w, { region }),
};

export const tagsApi = {
  list: (w: string, signal?: Stop) => api.listTags(w, { signal }),
  create: (w: string, tag: shapes.NewTag) => api.createTag(w, tag, once()),
  remove: (w: string, id: string) => api.deleteTag(w, id),
};

export const notesApi = {
  create: (w: string, record: string, text: string) => api.createNote(w, record, { text }, once()),
  change: (w: string, id: string, text: string) => api.changeNote(w, id, { text }),
  remove: (w: string, id: string) => api.deleteNote(w, id),
};

export interface TaskQuery {
  record_id?: string;
  assignee_id?: string;
  state?: TaskState;
}

export const tasksApi = {
  list: (w: string, query: TaskQuery, cursor?: string, signal?: Stop) =>
    api.listTasks(w, { ...query, cursor }, { signal }) as Promise<Page<Task>>,
  create: (w: string, task: TaskPatch & { title: string }) =>
    api.createTask(w, task as shapes.TaskInput, once()) as Promise<Task>,
  change: (w: string, id: string, patch: TaskPatch) =>
    api.changeTask(w, id, patch as shapes.TaskInput) as Promise<Task>,
  remove: (w: string, id: string) => api.deleteTask(w, id),
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
  settings: (w: string) => ["record-settings", w] as const,
  objects: (w: string) => ["objects", w] as const,
  suggestions: (w: string) => ["records", w, "suggestions"] as const,
  suggestionsOf: (w: string, record: string) => ["records", w, "suggestions", record] as const,
  evidence: (w: string, record: string) => ["records", w, "evidence", record] as const,
  duplicates: (w: string, type: string) => ["records", w, "duplicates", type] as const,
  enrichment: (w: string) => ["enrichment", w] as const,
};

export const isStandard = (type: RecordType) => type === "person" || type === "company" || type === "deal";
