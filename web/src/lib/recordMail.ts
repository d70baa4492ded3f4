/** What mail and records have to do with each other: timelines, links, what was found in signatures. */
import type * as shapes from "./generated/api";
import * as api from "./generated/api";
import type { RecordRef, Task } from "./records";
import type { EmailListItem, Page } from "./types";

export type ActivityKind = shapes.ActivityKind;

export type Activity = Omit<shapes.Activity, "record" | "task" | "email"> & {
  record: RecordRef | null;
  task?: Task;
  email?: EmailListItem;
};

export interface ActivityQuery {
  kind?: string;
  record_type?: string;
  user_id?: string;
}

export type { Enriched, Enrichment, EnrichmentPatch, FieldEvidence, Sighting } from "./generated/api";
export type Suggestion = shapes.RecordSuggestion;

type Stop = AbortSignal | undefined;

export const activitiesApi = {
  of: (w: string, record: string, kind: string | undefined, cursor?: string, signal?: Stop) =>
    api.listRecordTimeline(w, record, { kind, cursor }, { signal }) as Promise<Page<Activity>>,
  all: (w: string, query: ActivityQuery, cursor?: string, signal?: Stop) =>
    api.listActivities(w, { ...query, cursor } as shapes.ListActivitiesParams, { signal }) as Promise<Page<Activity>>,
};

export const linksApi = {
  add: (w: string, email: string, record_id: string, whole_thread = true) =>
    api.linkEmail(w, email, { record_id, whole_thread }),
  remove: (w: string, email: string, record: string) => api.unlinkEmail(w, email, record),
};

export const suggestionsApi = {
  list: (w: string, query: shapes.ListSuggestionsParams, cursor?: string, signal?: Stop) =>
    api.listSuggestions(w, { ...query, cursor }, { signal }),
  accept: (w: string, id: string) => api.acceptSuggestion(w, id),
  dismiss: (w: string, id: string) => api.dismissSuggestion(w, id),
  evidence: (w: string, record: string, signal?: Stop) => api.getEvidence(w, record, { signal }),
  enrich: (w: string, record: string) => api.enrichRecord(w, record),
};

export const enrichmentApi = {
  get: (w: string, signal?: Stop) => api.getEnrichment(w, { signal }),
  change: (w: string, patch: shapes.EnrichmentPatch) => api.changeEnrichment(w, patch),
  /** Reads all mail of a connection that was not read yet. */
  run: (w: string, connection_id: string) => api.enrichConnection(w, { connection_id }),
};
