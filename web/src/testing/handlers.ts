/** The API over sample data, for tests and `npm run dev:sample`. A `World` is the state behind it. */
import { type HttpHandler, HttpResponse, http } from "msw";
import type { Email, GoogleStatus, Me } from "../lib/types";
import { adminHandlers, paged } from "./adminHandlers";
import { makeOrganisation, type Organisation } from "./adminSample";
import { mailHandlers, makePost, type Post } from "./mailHandlers";
import { makeRecordsWorld, type RecordsWorld, recordHandlers } from "./recordHandlers";
import { type MailRulesWorld, makeMailRules, ruleHandlers } from "./ruleHandlers";
import * as sample from "./sample";

export interface World {
  now: () => Date;
  signedIn: boolean;
  setupNeeded: boolean;
  mail: Email[];
  status: GoogleStatus;
  me: Me;
  members: typeof sample.members;
  /** How many members are on a page. */
  page: number;
  failures: ReturnType<typeof sample.makeFailures>;
  organisation: Organisation;
  mailRules: MailRulesWorld;
  crm: RecordsWorld;
  /** What is written and sent. */
  post: Post;
  /** Requests that changed something, as "METHOD path". */
  log: string[];
  /** Streams of the live events that are open. */
  live: Set<(name: string, data: unknown) => void>;
}

export function makeWorld(options: { mail?: number; now?: () => Date } = {}): World {
  const now = options.now ?? (() => new Date());
  const mail = sample.makeMail(options.mail ?? 120, now());
  return {
    now,
    signedIn: true,
    setupNeeded: false,
    mail,
    status: sample.makeStatus(mail, now()),
    me: {
      user: { id: "u1", email: sample.account, name: "Mara Lindqvist" },
      workspaces: [{ id: sample.workspaceId, name: "Northwind Lamps", role: "owner" }],
    },
    members: [...sample.members],
    page: 50,
    failures: [],
    organisation: makeOrganisation(now()),
    mailRules: makeMailRules(),
    crm: makeRecordsWorld(now, mail),
    post: makePost(),
    log: [],
    live: new Set(),
  };
}

/** Tells every open live stream. */
export function announce(world: World, name: string, data: Record<string, unknown> = {}) {
  for (const send of world.live) send(name, { connection_id: sample.connectionId, data });
}

export const problem = (status: number, code: string, detail: string, more: Record<string, unknown> = {}) =>
  HttpResponse.json(
    { type: "about:blank", title: detail, status, detail, code, request_id: "req-7f3a", ...more },
    { status, headers: { "Content-Type": "application/problem+json" } },
  );

const value = (q: string, operator: string) =>
  new RegExp(`${operator}:(?:"([^"]*)"|(\\S+))`).exec(q)?.slice(1).find(Boolean);

function matches(mail: Email, q: string): boolean {
  const from = value(q, "from")?.toLowerCase();
  if (from && !`${mail.from_name} ${mail.from_email}`.toLowerCase().includes(from)) return false;
  if (q.includes("has:attachment") && !mail.has_attachments) return false;
  if (q.includes("is:unread") && mail.is_read) return false;
  if (q.includes("is:starred") && !mail.is_starred) return false;
  const words = q
    .replace(/\S+:("[^"]*"|\S*)/g, "")
    .toLowerCase()
    .split(/\s+/)
    .filter(Boolean);
  const text = `${mail.subject} ${mail.from_name} ${mail.body_text}`.toLowerCase();
  return words.every((w) => text.includes(w));
}

function listItem(mail: Email) {
  const { body_text: _t, body_html: _h, bcc: _b, reply_to: _r, attachments: _a, links: _l, ...item } = mail;
  return item;
}

function liveStream(world: World): HttpResponse<ReadableStream<Uint8Array>> {
  const encoder = new TextEncoder();
  let send: (name: string, data: unknown) => void;
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(encoder.encode("event: ready\ndata: {}\n\n"));
      send = (name, data) => controller.enqueue(encoder.encode(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`));
      world.live.add(send);
    },
    cancel() {
      world.live.delete(send);
    },
  });
  return new HttpResponse(stream, { headers: { "Content-Type": "text/event-stream", "Cache-Control": "no-store" } });
}

const api = "*/api/v1";
const w = `${api}/workspaces/:w`;
const google = `${w}/integrations/google`;

export function handlers(world: World): HttpHandler[] {
  const note = (request: Request) =>
    world.log.push(`${request.method} ${new URL(request.url).pathname.replace(/^.*\/api\/v1/, "")}`);
  return [
    ...session(world, note),
    ...connection(world, note),
    ...mailHandlers(world, note),
    ...mailbox(world, note),
    ...adminHandlers(world, note),
    ...ruleHandlers(world.mailRules, note),
    ...recordHandlers(world.crm, note),
  ];
}

export type Note = (request: Request) => void;

function session(world: World, note: Note): HttpHandler[] {
  return [
    http.get(`${api}/me`, () =>
      world.signedIn ? HttpResponse.json(world.me) : problem(401, "unauthenticated", "Sign in first"),
    ),
    http.get(`${api}/setup`, () => HttpResponse.json({ needed: world.setupNeeded, google_sign_in: true })),
    http.post(`${api}/setup`, async ({ request }) => {
      note(request);
      world.setupNeeded = false;
      world.signedIn = true;
      return HttpResponse.json(world.me, { status: 201 });
    }),
    http.post(`${api}/auth/login`, async ({ request }) => {
      note(request);
      const { password } = (await request.json()) as { password: string };
      if (password === "wrong")
        return problem(401, "access_denied", "The e-mail address or the password is not right.");
      world.signedIn = true;
      return HttpResponse.json(world.me);
    }),
    http.post(`${api}/auth/logout`, ({ request }) => {
      note(request);
      world.signedIn = false;
      return new HttpResponse(null, { status: 204 });
    }),
    http.get(`${w}/members`, ({ request }) => {
      const asked = new URL(request.url).searchParams;
      const words = (asked.get("q") ?? "").toLowerCase().split(/\s+/);
      const ids = asked.get("user_ids")?.split(",");
      return paged(
        world.members.filter(
          (m) =>
            words.every((x) => `${m.name} ${m.email}`.toLowerCase().includes(x)) &&
            (!asked.get("role") || m.role === asked.get("role")) &&
            (!ids || ids.includes(m.user_id)),
        ),
        request,
        world.page,
      );
    }),
    http.post(`${w}/members`, async ({ request }) => {
      note(request);
      const body = (await request.json()) as { email: string; name: string; role: "member" };
      if (world.members.some((m) => m.email === body.email)) {
        return problem(422, "validation_failed", "Somebody with this address is already a member.", {
          fields: { email: "is already a member" },
        });
      }
      const member = { user_id: `u${world.members.length + 1}`, joined_at: world.now().toISOString(), ...body };
      world.members.push(member);
      return HttpResponse.json(member, { status: 201 });
    }),
    http.get(`${w}/events`, () => liveStream(world)),
  ];
}

function connection(world: World, note: Note): HttpHandler[] {
  return [
    http.get(`${google}/status`, () => HttpResponse.json(world.status)),
    http.get(`${google}/connect`, () =>
      HttpResponse.json({ authorization_url: "https://accounts.example/o/oauth2/v2/auth?state=sample" }),
    ),
    http.patch(`${google}/settings`, async ({ request }) => {
      note(request);
      const { gmail_sync_enabled, connection_id: _, ...settings } = (await request.json()) as Record<string, never>;
      world.status = {
        ...world.status,
        gmail_sync_enabled: gmail_sync_enabled ?? world.status.gmail_sync_enabled,
        settings: { ...world.status.settings, ...(settings as object) },
      };
      return HttpResponse.json(world.status);
    }),
    http.post(`${google}/disconnect`, async ({ request }) => {
      note(request);
      const { delete_data } = (await request.json()) as { delete_data: boolean };
      world.status = { ...sample.notConnected, status: "disconnected" };
      if (delete_data) world.mail = [];
      return HttpResponse.json({ message: "Disconnected. What was synced stays." });
    }),
    http.get(`${google}/runs`, () => HttpResponse.json({ items: sample.makeRuns(world.now()) })),
    http.get(`${google}/failures`, () => HttpResponse.json({ items: world.failures })),
    http.post(`${google}/failures/:id/retry`, ({ request, params }) => {
      note(request);
      world.failures = world.failures.filter((f) => f.id !== params.id);
      return HttpResponse.json({}, { status: 202 });
    }),
    http.post(`${google}/verify`, ({ request }) => {
      note(request);
      const checked = {
        checked_at: world.now().toISOString(),
        google_count: world.mail.length,
        rapport_count: world.mail.length,
        missing: 0,
        extra: 0,
        healed: 0,
        excluded: 0,
        state: "complete" as const,
      };
      world.status = { ...world.status, completeness: checked };
      return HttpResponse.json({ ...sample.makeRuns(world.now())[0], completeness: checked }, { status: 202 });
    }),
    http.post(`${google}/preview`, async ({ request }) => {
      const { limit } = (await request.json()) as { limit: number };
      const messages = limit === 0 ? 4212 : Math.min(limit, 4212);
      return HttpResponse.json({
        messages,
        stored: world.mail.length,
        more: false,
        estimated_seconds: Math.ceil(messages / 5),
        units: messages * 5,
      });
    }),
  ];
}

function mailbox(world: World, note: Note): HttpHandler[] {
  return [
    http.post(`${google}/gmail/sync`, ({ request }) => {
      note(request);
      return HttpResponse.json(sample.makeRuns(world.now())[0], { status: 202 });
    }),
    http.get(`${google}/gmail/labels`, () =>
      HttpResponse.json({ items: [...sample.makeLabels(world.mail), ...world.post.labels] }),
    ),
    http.get(`${google}/gmail/emails`, ({ request }) => {
      const query = new URL(request.url).searchParams;
      const label = query.get("label");
      let found = world.mail.filter(
        (m) =>
          (label ? m.labels.includes(label) : !m.labels.includes("TRASH") && !m.labels.includes("SPAM")) &&
          (query.get("is_unread") !== "true" || !m.is_read) &&
          (!query.has("mine") || String(m.owner.mine) === query.get("mine")) &&
          matches(m, query.get("q") ?? ""),
      );
      const seen = new Set<string>();
      if (query.get("threads") === "true") {
        found = found.filter((m) => !seen.has(m.gmail_thread_id) && seen.add(m.gmail_thread_id));
      }
      const start = Number(query.get("cursor") ?? 0);
      const end = start + Number(query.get("limit") ?? 50);
      return HttpResponse.json({
        items: found.slice(start, end).map(listItem),
        next_cursor: end < found.length ? String(end) : "",
        total: found.length,
      });
    }),
    http.get(`${google}/gmail/threads/:id`, ({ params }) => {
      const items = world.mail.filter((m) => m.gmail_thread_id === params.id).reverse();
      return items.length
        ? HttpResponse.json({ items })
        : problem(404, "not_found", "This conversation is no longer there.");
    }),
    http.get(`${google}/gmail/emails/:id`, ({ params }) => {
      const mail = world.mail.find((m) => m.id === params.id);
      return mail ? HttpResponse.json(mail) : problem(404, "not_found", "This message is no longer there.");
    }),
    http.get(`${google}/gmail/emails/:id/attachments/:a`, () => HttpResponse.text("sample file")),
  ];
}
