/** Types, tags, notes and tasks over sample data. */
import { type HttpHandler, HttpResponse, http } from "msw";
import type { NewObject, ObjectType, Tag, Task, TaskPatch } from "../lib/records";
import { paged } from "./adminHandlers";
import type { Note as Log } from "./handlers";
import { recordsPath as api, folded, gone, type RecordsWorld } from "./recordHandlers";
import { mara } from "./recordSample";

export function besideHandlers(world: RecordsWorld, note: Log): HttpHandler[] {
  return [
    http.get(`${api}/objects`, () => HttpResponse.json({ items: world.objects })),
    http.post(`${api}/objects`, async ({ request }) => {
      note(request);
      const wish = (await request.json()) as NewObject;
      const key = wish.key ?? folded(wish.name).replace(/[^a-z0-9]+/g, "_");
      const made: ObjectType = {
        icon: "box",
        plural: `${wish.name}s`,
        ...wish,
        id: key,
        key,
        standard: false,
        count: 0,
      };
      world.objects.push(made);
      return HttpResponse.json(made, { status: 201 });
    }),
    http.patch(`${api}/objects/:key`, async ({ request, params }) => {
      note(request);
      const patch = (await request.json()) as Partial<NewObject>;
      world.objects = world.objects.map((o) => (o.key === params.key ? { ...o, ...patch, key: o.key } : o));
      return HttpResponse.json(world.objects.find((o) => o.key === params.key));
    }),
    http.delete(`${api}/objects/:key`, ({ request, params }) => {
      note(request);
      world.objects = world.objects.filter((o) => o.key !== params.key);
      return new HttpResponse(null, { status: 204 });
    }),
    http.get(`${api}/record-settings`, () => HttpResponse.json({ region: "DE" })),
    http.get(`${api}/tags`, () => HttpResponse.json({ items: world.tags })),
    http.post(`${api}/tags`, async ({ request }) => {
      note(request);
      const wish = (await request.json()) as { name: string; mine?: boolean };
      const tag: Tag = {
        id: `t${world.tags.length + 1}`,
        name: wish.name,
        colour: "#2a4f86",
        mine: wish.mine ?? false,
      };
      world.tags.push(tag);
      return HttpResponse.json(tag, { status: 201 });
    }),
    http.post(`${api}/records/:id/notes`, async ({ request, params }) => {
      note(request);
      const { text } = (await request.json()) as { text: string };
      const r = world.records.find((x) => x.id === params.id);
      if (!r) return gone("This record");
      const at = world.now().toISOString();
      const made = {
        id: `n${world.notes.length + 1}`,
        record: { id: r.id, type: r.type, name: r.name },
        text,
        author: mara,
        created_at: at,
        updated_at: at,
      };
      world.notes.unshift(made);
      return HttpResponse.json(made, { status: 201 });
    }),
    http.delete(`${api}/notes/:id`, ({ request, params }) => {
      note(request);
      world.notes = world.notes.filter((n) => n.id !== params.id);
      return new HttpResponse(null, { status: 204 });
    }),
    http.get(`${api}/tasks`, ({ request }) => {
      const query = new URL(request.url).searchParams;
      const now = world.now().toISOString();
      const state = query.get("state");
      const found = world.tasks.filter(
        (t) =>
          (!query.get("record_id") || t.record?.id === query.get("record_id")) &&
          (!query.get("assignee_id") || t.assignee?.id === mara.id) &&
          (!state || (state === "done") === Boolean(t.done_at)) &&
          (state !== "overdue" || (t.due_at ?? "9") < now),
      );
      return paged(found, request, 50);
    }),
    http.post(`${api}/tasks`, async ({ request }) => {
      note(request);
      const wish = (await request.json()) as TaskPatch & { title: string; record_id?: string };
      const r = world.records.find((x) => x.id === wish.record_id);
      const made: Task = {
        id: `k${world.tasks.length + 1}`,
        record: r ? { id: r.id, type: r.type, name: r.name } : null,
        title: wish.title,
        due_at: wish.due_at ?? null,
        done_at: null,
        assignee: mara,
        author: mara,
        created_at: world.now().toISOString(),
        updated_at: world.now().toISOString(),
        version: 1,
      };
      world.tasks.push(made);
      return HttpResponse.json(made, { status: 201 });
    }),
    http.patch(`${api}/tasks/:id`, async ({ request, params }) => {
      note(request);
      const { done, ...patch } = (await request.json()) as TaskPatch;
      world.tasks = world.tasks.map((t) =>
        t.id === params.id
          ? {
              ...t,
              ...(patch as Partial<Task>),
              ...(done === undefined ? {} : { done_at: done ? world.now().toISOString() : null }),
            }
          : t,
      );
      return HttpResponse.json(world.tasks.find((t) => t.id === params.id));
    }),
    http.delete(`${api}/tasks/:id`, ({ request, params }) => {
      note(request);
      world.tasks = world.tasks.filter((t) => t.id !== params.id);
      return new HttpResponse(null, { status: 204 });
    }),
  ];
}
