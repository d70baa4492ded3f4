/** The records' part of the API over sample data. */
import { type HttpHandler, HttpResponse, http } from "msw";
import type { Activity, FieldEvidence, Sighting, Suggestion } from "../lib/recordMail";
import type { CrmRecord, MassChange, NewRecord, Note, ObjectType, RecordPatch, Tag, Task } from "../lib/records";
import type { Email } from "../lib/types";
import { paged } from "./adminHandlers";
import type { Note as Log } from "./handlers";
import { besideHandlers } from "./recordBesides";
import {
  blank,
  makeNotes,
  makeObjects,
  makeRecords,
  makeSuggestions,
  makeTasks,
  mara,
  recordId,
  tags,
} from "./recordSample";

export interface RecordsWorld {
  records: CrmRecord[];
  objects: ObjectType[];
  tags: Tag[];
  notes: Note[];
  tasks: Task[];
  suggestions: Suggestion[];
  undo: Map<string, CrmRecord[]>;
  mail: Email[];
  now: () => Date;
  /** Answers the next change of a record with this problem. */
  refuse?: { status: number; code: string; detail: string };
}

export function makeRecordsWorld(now: () => Date, mail: Email[]): RecordsWorld {
  const records = makeRecords(now());
  return {
    records,
    objects: makeObjects(),
    tags: [...tags],
    notes: makeNotes(records, now()),
    tasks: makeTasks(records, now()),
    suggestions: makeSuggestions(records, now()),
    undo: new Map(),
    mail,
    now,
  };
}

export const recordsPath = "*/api/v1/workspaces/:w";
const api = recordsPath;
export const gone = (what: string) =>
  HttpResponse.json({ title: what, status: 404, detail: `${what} is not there.`, code: "not_found" }, { status: 404 });

export const folded = (text: string) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

function matches(r: CrmRecord, query: URLSearchParams): boolean {
  const is = (name: string, value: unknown) => !query.get(name) || query.get(name) === value;
  const owner = query.get("owner_id");
  const words = folded(query.get("q") ?? "")
    .split(/\s+/)
    .filter(Boolean);
  const text = folded(
    [r.name, r.company?.name, ...r.emails.map((e) => e.value), ...r.domains, ...r.phones.map((p) => p.value)].join(" "),
  );
  return (
    Boolean(r.deleted_at) === (query.get("deleted") === "true") &&
    !r.merged_into &&
    is("type", r.type) &&
    is("stage", r.stage) &&
    is("class", r.class?.name) &&
    is("company_id", r.company?.id) &&
    is("created_by", r.created_by.by) &&
    (!owner || (owner === "none" ? !r.owner : r.owner?.id === (owner === "me" ? mara.id : owner))) &&
    (!query.get("tag_id") || r.tags.some((t) => t.id === query.get("tag_id"))) &&
    (!query.get("email") || r.emails.some((e) => e.value === query.get("email")?.toLowerCase())) &&
    [...query].every(([k, v]) => !k.startsWith("field.") || String(r.fields[k.slice(6)] ?? "") === v) &&
    words.every((word) => ` ${text.replace(/[@.]/g, " ")} ${text}`.includes(` ${word}`))
  );
}

function sorted(list: CrmRecord[], sort: string | null): CrmRecord[] {
  const key = (sort ?? "-last_at").replace(/^-/, "");
  const sign = sort?.startsWith("-") || !sort ? -1 : 1;
  const of = (r: CrmRecord) =>
    String(
      (key === "amount" ? r.amount?.minor.toString().padStart(15, "0") : (r[key as "name"] ?? r.fields[key])) ?? "",
    );
  return [...list].sort((a, b) => sign * of(a).localeCompare(of(b)));
}

function patched(world: RecordsWorld, r: CrmRecord, patch: RecordPatch): CrmRecord {
  const { owner_id, company_id, tag_ids, people, class: klass, fields, ...plain } = patch;
  const ref = (id: string) => {
    const found = world.records.find((x) => x.id === id);
    return found ? { id: found.id, type: found.type, name: found.name } : { id, type: "company", name: "?" };
  };
  const names: Record<string, string> = { u1: "Mara Lindqvist", u2: "Daniel Osei", u3: "Hanne Brandt" };
  const set = Object.fromEntries(
    Object.entries(plain).map(([k, v]) => [k, v ?? (k === "amount" || k === "close_date" ? null : "")]),
  );
  const at = world.now().toISOString();
  const typed = Object.fromEntries(
    Object.keys(patch).map((k) => [k.replace(/_id$/, ""), { by: "member" as const, at }]),
  );
  return {
    ...r,
    ...(set as Partial<CrmRecord>),
    ...(owner_id === undefined ? {} : { owner: owner_id ? { id: owner_id, name: names[owner_id] ?? owner_id } : null }),
    ...(company_id === undefined ? {} : { company: company_id ? ref(company_id) : null }),
    ...(tag_ids === undefined ? {} : { tags: world.tags.filter((t) => (tag_ids ?? []).includes(t.id)) }),
    ...(people === undefined
      ? {}
      : { people: (people ?? []).map((p) => ({ person: ref(p.person_id), role: p.role })) }),
    ...(klass === undefined ? {} : { class: klass ? { name: klass.name, confidence: 1, by: "person" } : null }),
    fields: { ...r.fields, ...fields },
    sources: { ...r.sources, ...typed },
    updated_at: at,
    version: r.version + 1,
  };
}

const put = (world: RecordsWorld, next: CrmRecord) => {
  world.records = world.records.map((r) => (r.id === next.id ? next : r));
  return next;
};

export function recordHandlers(world: RecordsWorld, note: Log): HttpHandler[] {
  const of = (params: { id?: unknown }) => world.records.find((r) => r.id === params.id);
  return [
    http.get(`${api}/records`, ({ request }) => {
      const query = new URL(request.url).searchParams;
      const found = sorted(
        world.records.filter((r) => matches(r, query)),
        query.get("sort"),
      );
      const start = Number(query.get("cursor") ?? 0);
      const end = start + Math.min(Number(query.get("limit") ?? 50), 100);
      return HttpResponse.json({
        items: found.slice(start, end),
        next_cursor: end < found.length ? String(end) : "",
        total: found.length,
      });
    }),
    http.get(`${api}/records/counts`, () => {
      const counts: Record<string, number> = {};
      for (const r of world.records) if (!r.deleted_at) counts[r.type] = (counts[r.type] ?? 0) + 1;
      return HttpResponse.json(counts);
    }),
    http.post(`${api}/records`, async ({ request }) => {
      note(request);
      const { type, ...patch } = (await request.json()) as NewRecord;
      const fresh = patched(
        world,
        blank(type, recordId(90_000 + world.records.length), world.now().toISOString()),
        patch,
      );
      world.records = [fresh, ...world.records];
      return HttpResponse.json(fresh, { status: 201 });
    }),
    http.post(`${api}/records/changes`, async ({ request }) => {
      note(request);
      const { ids, all, set, add_tags = [], remove_tags = [], delete: gone } = (await request.json()) as MassChange;
      const query = new URLSearchParams(Object.entries(all ?? {}).map(([k, v]) => [k, String(v)]));
      const meant = world.records.filter((r) => (all ? matches(r, query) : ids?.includes(r.id)));
      const undo_id = `undo${world.undo.size}`;
      world.undo.set(undo_id, meant);
      for (const r of meant) {
        const tag_ids = [...r.tags.map((t) => t.id).filter((t) => !remove_tags.includes(t)), ...add_tags];
        const { class: name, ...rest } = set ?? {};
        const next = patched(world, r, { ...rest, ...(name ? { class: { name } } : {}), tag_ids });
        put(world, gone ? { ...next, deleted_at: world.now().toISOString() } : next);
      }
      return HttpResponse.json({ changed: meant.length, undo_id });
    }),
    http.post(`${api}/records/changes/:undo/undo`, ({ request, params }) => {
      note(request);
      const before = world.undo.get(String(params.undo)) ?? [];
      for (const r of before) put(world, r);
      return HttpResponse.json({ changed: before.length, undo_id: "" });
    }),
    http.get(`${api}/records/:id`, ({ params }) => {
      const found = of(params);
      return found ? HttpResponse.json(found) : gone("This record");
    }),
    http.patch(`${api}/records/:id`, async ({ request, params }) => {
      note(request);
      const found = of(params);
      if (!found) return gone("This record");
      if (world.refuse) {
        const { status, code, detail } = world.refuse;
        world.refuse = undefined;
        return HttpResponse.json({ title: detail, status, detail, code }, { status });
      }
      return HttpResponse.json(put(world, patched(world, found, (await request.json()) as RecordPatch)));
    }),
    http.delete(`${api}/records/:id`, ({ request, params }) => {
      note(request);
      const found = of(params);
      if (found) put(world, { ...found, deleted_at: world.now().toISOString() });
      return new HttpResponse(null, { status: 204 });
    }),
    http.post(`${api}/records/:id/restore`, ({ request, params }) => {
      note(request);
      const found = of(params);
      return found ? HttpResponse.json(put(world, { ...found, deleted_at: null })) : gone("This record");
    }),
    ...besideHandlers(world, note),
    ...beside(world, note),
  ];
}

function timeline(world: RecordsWorld, kinds: string[], record?: CrmRecord): Activity[] {
  const ref = (r: CrmRecord | undefined) => (r ? { id: r.id, type: r.type, name: r.name } : null);
  const persons = world.records.filter((r) => r.type === "person");
  const mails: Activity[] = world.mail.map((email, i) => ({
    id: email.id,
    kind: "email",
    at: email.gmail_date,
    record: ref(record ?? persons[i % 20]),
    email,
    why: { rule: "address", text: `${email.from_email} is an address of this person.` },
  }));
  const notes: Activity[] = world.notes
    .filter((n) => !record || n.record.id === record.id)
    .map((n) => ({ id: n.id, kind: "note", at: n.created_at, record: n.record, note: n }));
  const tasks: Activity[] = world.tasks
    .filter((t) => !record || t.record?.id === record.id)
    .map((t) => ({ id: t.id, kind: "task", at: t.created_at, record: t.record, task: t }));
  return [...mails, ...notes, ...tasks]
    .filter((a) => kinds.length === 0 || kinds.includes(a.kind))
    .sort((a, b) => b.at.localeCompare(a.at));
}

function beside(world: RecordsWorld, note: Log): HttpHandler[] {
  const kinds = (request: Request) => (new URL(request.url).searchParams.get("kind") ?? "").split(",").filter(Boolean);
  const decide = (id: unknown, state: Suggestion["state"]) => {
    const found = world.suggestions.find((s) => s.id === id);
    if (!found) return gone("This suggestion");
    world.suggestions = world.suggestions.map((s) => (s.id === id ? { ...s, state } : s));
    const r = world.records.find((x) => x.id === found.record.id);
    if (state === "accepted" && r && found.field === "title") put(world, patched(world, r, { title: found.value }));
    return HttpResponse.json({ ...found, state });
  };
  return [
    http.get(`${api}/records/:id/timeline`, ({ request, params }) =>
      paged(
        timeline(
          world,
          kinds(request),
          world.records.find((r) => r.id === params.id),
        ),
        request,
        30,
      ),
    ),
    http.get(`${api}/activities`, ({ request }) => paged(timeline(world, kinds(request)), request, 30)),
    http.get(`${api}/suggestions`, ({ request }) => {
      const query = new URL(request.url).searchParams;
      const found = world.suggestions.filter(
        (s) =>
          (!query.get("record_id") || s.record.id === query.get("record_id")) &&
          s.state === (query.get("state") ?? "suggested"),
      );
      return paged(found, request, 50);
    }),
    http.post(`${api}/suggestions/:id/accept`, ({ request, params }) => {
      note(request);
      return decide(params.id, "accepted");
    }),
    http.post(`${api}/suggestions/:id/dismiss`, ({ request, params }) => {
      note(request);
      return decide(params.id, "dismissed");
    }),
    http.get(`${api}/records/:id/evidence`, ({ params }) => {
      const r = world.records.find((x) => x.id === params.id);
      const seen = (field: Sighting["field"], value: string, line: string): FieldEvidence => ({
        field,
        sightings: [
          {
            id: `e-${field}`,
            field,
            value,
            label: "",
            ext: "",
            line,
            email_id: world.mail[0]?.id ?? "",
            seen_at: r?.last_at ?? world.now().toISOString(),
            engine: "rules",
            confidence: 0.94,
            state: "applied",
            note: "",
            decided_by: "",
            decided_at: null,
          },
        ],
      });
      const items = r
        ? [
            ...(r.title ? [seen("title", r.title, `${r.name} | ${r.title}`)] : []),
            ...(r.phones[0] ? [seen("phone", r.phones[0].value, `T ${r.phones[0].raw}`)] : []),
            ...(r.company ? [seen("company", r.company.name, r.company.name)] : []),
          ]
        : [];
      return HttpResponse.json({ items });
    }),
    http.post(`${api}/records/:id/enrich`, ({ request }) => {
      note(request);
      return HttpResponse.json({ messages: 4, applied: [], suggested: [] });
    }),
    http.get(`${api}/duplicates`, ({ request }) => {
      const type = new URL(request.url).searchParams.get("type");
      const [a, b] = world.records
        .filter((r) => r.type === "person" && !r.merged_into)
        .filter((_, i) => i === 4 || i === 16);
      return HttpResponse.json({
        items:
          a && b && (!type || type === "person")
            ? [
                {
                  id: "d1",
                  records: [a, b],
                  reasons: [{ kind: "name_company", detail: "Similar names in one company" }],
                  score: 0.86,
                },
              ]
            : [],
        next_cursor: "",
      });
    }),
    http.post(`${api}/duplicates/:id/dismiss`, ({ request }) => {
      note(request);
      return new HttpResponse(null, { status: 204 });
    }),
    http.get(`${api}/enrichment`, () =>
      HttpResponse.json({
        mode: "rules",
        provider: "",
        model: "",
        base_url: "",
        has_key: false,
        installed: false,
        trouble: "",
        trouble_at: null,
        allowed: false,
        statement: "Signatures are read on this server. No text leaves it.",
      }),
    ),
  ];
}
