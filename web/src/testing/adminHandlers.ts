/** The calls of the administration over an invented organisation. */
import { type HttpHandler, HttpResponse, http } from "msw";
import type { Approval, GoogleClient, Invitation, Key, Role } from "../lib/types";
import type { World } from "./handlers";

type Note = (request: Request) => void;

const api = "*/api/v1";
const w = `${api}/workspaces/:w`;

const problem = (status: number, code: string, detail: string, more: Record<string, unknown> = {}) =>
  HttpResponse.json(
    { type: "about:blank", title: detail, status, detail, code, request_id: "req-7f3a", ...more },
    { status, headers: { "Content-Type": "application/problem+json" } },
  );
const done = () => new HttpResponse(null, { status: 204 });
const missing = () => problem(404, "not_found", "There is no such thing.");
const list = <T>(items: T[], next_cursor = "") => HttpResponse.json({ items, next_cursor });

/** A page of so many, with the position as the cursor. */
export function paged<T>(items: T[], request: Request, usual = 50) {
  const q = new URL(request.url).searchParams;
  const start = Number(q.get("cursor") ?? 0);
  const size = Math.min(Number(q.get("limit") ?? usual), usual);
  return list(items.slice(start, start + size), start + size < items.length ? String(start + size) : "");
}

export function adminHandlers(world: World, note: Note): HttpHandler[] {
  return [...decisions(world, note), ...people(world, note), ...handedOut(world, note), ...account(world, note)];
}

const asks = (request: Request, name: string) => new URL(request.url).searchParams.get(name);

const member = (world: World) => world.me.workspaces.every((x) => x.role === "member");

function decisions(world: World, note: Note): HttpHandler[] {
  const org = world.organisation;
  return [
    http.get(`${w}/google-approval`, () =>
      HttpResponse.json(member(world) ? { ...org.approval, requests: [] } : org.approval),
    ),
    http.patch(`${w}/google-approval`, async ({ request }) => {
      note(request);
      const change = (await request.json()) as Partial<Approval>;
      org.approval = { ...org.approval, ...change };
      if (change.state) {
        Object.assign(org.approval, { decided_by: "u1", decided_at: world.now().toISOString() });
        if (change.state === "approved") org.approval.requests = [];
      }
      return HttpResponse.json(org.approval);
    }),
    http.post(`${w}/google-approval/request`, async ({ request }) => {
      note(request);
      const { note: text } = (await request.json()) as { note: string };
      const { id, name, email } = world.me.user;
      org.approval.my_request = { user_id: id, name, email, note: text, asked_at: world.now().toISOString() };
      return HttpResponse.json(org.approval.my_request, { status: 201 });
    }),
    http.delete(`${w}/google-approval/requests/:user`, ({ request, params }) => {
      note(request);
      org.approval.requests = org.approval.requests.filter((r) => r.user_id !== params.user);
      return done();
    }),
    http.get(`${w}/google-clients`, () => list(org.clients)),
    http.post(`${w}/google-clients`, async ({ request }) => {
      note(request);
      const wish = (await request.json()) as { name: string; google_client_id: string; client_secret: string };
      if (org.clients.some((c) => c.google_client_id === wish.google_client_id && !c.retired_at)) {
        return problem(422, "validation_failed", "This client is here already.", {
          fields: { google_client_id: "is here already" },
        });
      }
      const { client_secret: _, ...rest } = wish;
      const client: GoogleClient = {
        installation: false,
        ...rest,
        id: `gc${org.clients.length + 1}`,
        source: "page",
        current: true,
        grants: 0,
        created_at: world.now().toISOString(),
        updated_at: world.now().toISOString(),
        retired_at: null,
      };
      org.clients = [client, ...org.clients.map((c) => ({ ...c, current: false }))];
      return HttpResponse.json(client, { status: 201 });
    }),
    http.patch(`${w}/google-clients/:id`, async ({ request, params }) => {
      note(request);
      const client = org.clients.find((c) => c.id === params.id);
      if (!client) return missing();
      const { name } = (await request.json()) as { name: string };
      return HttpResponse.json(Object.assign(client, { name }));
    }),
    http.delete(`${w}/google-clients/:id`, ({ request, params }) => {
      note(request);
      org.clients = org.clients.map((c) =>
        c.id === params.id ? { ...c, current: false, retired_at: world.now().toISOString() } : c,
      );
      return done();
    }),
    http.get(`${w}/connections`, ({ request }) => paged(org.connections, request, 20)),
    http.post(`${w}/doctor`, ({ request }) => {
      note(request);
      return HttpResponse.json(org.doctor);
    }),
  ];
}

function people(world: World, note: Note): HttpHandler[] {
  const org = world.organisation;
  const until = () => new Date(world.now().getTime() + 7 * 86_400_000).toISOString();
  return [
    http.patch(`${w}/members/:user`, async ({ request, params }) => {
      note(request);
      const { role } = (await request.json()) as { role: Role };
      world.members = world.members.map((m) => (m.user_id === params.user ? { ...m, role } : m));
      return HttpResponse.json(world.members.find((m) => m.user_id === params.user));
    }),
    http.delete(`${w}/members/:user`, ({ request, params }) => {
      note(request);
      const successor = new URL(request.url).searchParams.get("successor_id");
      if (successor) world.log.push(`${params.user} is followed by ${successor}`);
      world.members = world.members.filter((m) => m.user_id !== params.user);
      return done();
    }),
    http.get(`${w}/invitations`, ({ request }) => {
      const open = org.invitations.filter((i) => new Date(i.expires_at) > world.now());
      return paged(asks(request, "open") ? open : org.invitations, request);
    }),
    http.post(`${w}/invitations`, async ({ request }) => {
      note(request);
      const wish = (await request.json()) as { email: string; name: string; role: Role };
      if (world.members.some((m) => m.email === wish.email)) {
        return problem(422, "validation_failed", "Somebody with this address is already a member.", {
          fields: { email: "is already a member" },
        });
      }
      const invitation: Invitation = {
        ...wish,
        id: `i${org.invitations.length + 1}`,
        invited_by: world.me.user.name,
        created_at: world.now().toISOString(),
        expires_at: until(),
      };
      org.invitations.push(invitation);
      return HttpResponse.json({ ...invitation, url: "https://crm.example/invite/tok-once" }, { status: 201 });
    }),
    http.delete(`${w}/invitations/:id`, ({ request, params }) => {
      note(request);
      org.invitations = org.invitations.filter((i) => i.id !== params.id);
      return done();
    }),
    http.get(`${api}/invitations/:token`, ({ params }) =>
      params.token === "good"
        ? HttpResponse.json({
            workspace_name: "Northwind Lamps",
            email: "selma.ruud@northwind-lamps.example",
            name: "Selma Ruud",
            role: "member",
            invited_by: "Mara Lindqvist",
            expires_at: until(),
            google_sign_in: true,
          })
        : missing(),
    ),
    http.post(`${api}/invitations/:token/accept`, ({ request }) => {
      note(request);
      world.signedIn = true;
      return HttpResponse.json(world.me);
    }),
    http.get(`${w}/directory`, ({ request }) => {
      if (org.directory === "not_connected") {
        return problem(409, "directory_not_connected", "No administrator here has connected the directory.", {
          action_url: "/oauth/authorize?userId=u1&service=directory&redirect=/admin/colleagues",
        });
      }
      const q = new URL(request.url).searchParams;
      const text = (q.get("q") ?? "").toLowerCase();
      return paged(
        org.directory.filter(
          (c) => `${c.name} ${c.email}`.toLowerCase().includes(text) && !(q.has("not_connected") && c.connected),
        ),
        request,
        50,
      );
    }),
    http.get(`${w}/connect-links`, ({ request }) => {
      const open = org.links.filter((l) => !l.used_at && new Date(l.expires_at) > world.now());
      return paged(asks(request, "open") ? open : org.links, request);
    }),
    http.post(`${w}/connect-links`, async ({ request }) => {
      note(request);
      const wish = (await request.json()) as { people: { email: string; name: string }[]; services: string[] };
      const made = wish.people.map((p, n) => ({
        id: `l${org.links.length + n + 1}`,
        user_id: `new${n}`,
        ...p,
        services: wish.services,
        created_at: world.now().toISOString(),
        expires_at: until(),
        used_at: null,
      }));
      org.links.push(...made);
      return list(
        made.map((l) => ({
          ...l,
          url: `https://crm.northwind-lamps.example/connect/${l.id}-7Jm2QeVx0cZ4tNwYp1uLhA9sKdRfGb3iXoEa6MvT8zU`,
        })),
      );
    }),
    http.delete(`${w}/connect-links/:id`, ({ request, params }) => {
      note(request);
      org.links = org.links.filter((l) => l.id !== params.id);
      return done();
    }),
    http.get(`${api}/connect-links/:token`, ({ params }) =>
      params.token === "good" || params.token === "others"
        ? HttpResponse.json({
            workspace_name: "Northwind Lamps",
            signed_in_as:
              params.token === "others" && world.signedIn ? "mara.lindqvist@northwind-lamps.example" : undefined,
            email: "bettina.krause@northwind-lamps.example",
            services: ["gmail", "calendar"],
            expires_at: until(),
          })
        : missing(),
    ),
  ];
}

function handedOut(world: World, note: Note): HttpHandler[] {
  const org = world.organisation;
  return [
    http.get(`${w}/api-keys`, ({ request }) => {
      const state = asks(request, "state");
      const over = (k: Key) =>
        k.revoked_at !== null || (k.expires_at !== null && new Date(k.expires_at) <= world.now());
      return paged(
        org.keys.filter((k) => !state || over(k) === (state === "ended")),
        request,
      );
    }),
    http.post(`${w}/api-keys`, async ({ request }) => {
      note(request);
      const wish = (await request.json()) as { name: string; scopes: string[]; expires_at?: string };
      const key: Key = {
        id: `k${org.keys.length + 1}`,
        name: wish.name,
        prefix: "rpk_new1",
        scopes: wish.scopes,
        user_id: "u1",
        created_at: world.now().toISOString(),
        expires_at: wish.expires_at ?? null,
        last_used_at: null,
        revoked_at: null,
      };
      org.keys.unshift(key);
      return HttpResponse.json({ ...key, key: "rpk_new1_s3cr3tOnce" }, { status: 201 });
    }),
    http.delete(`${w}/api-keys/:id`, ({ request, params }) => {
      note(request);
      org.keys = org.keys.map((k) => (k.id === params.id ? { ...k, revoked_at: world.now().toISOString() } : k));
      return done();
    }),
    http.get(`${w}/tokens`, ({ request }) => paged(org.tokens, request, 100)),
    http.delete(`${w}/tokens/:id`, ({ request, params }) => {
      note(request);
      org.tokens = org.tokens.filter((t) => t.id !== params.id);
      return HttpResponse.json({ success: true, message: "Token revoked for user shop-1042, service gmail" });
    }),
    http.get(`${api}/tokens/leases`, ({ request }) => paged(org.leases, request, 100)),
    http.delete(`${api}/tokens/leases/:id`, ({ request, params }) => {
      note(request);
      org.leases = org.leases.map((l) => (l.id === params.id ? { ...l, cut_at: world.now().toISOString() } : l));
      return done();
    }),
    http.get(`${w}/audit`, ({ request }) => {
      const q = new URL(request.url).searchParams;
      const since = q.get("since") ?? "";
      return paged(
        org.audit.filter(
          (r) =>
            (!q.get("user_id") || r.user_id === q.get("user_id")) &&
            r.action.startsWith(q.get("action") ?? "") &&
            r.at >= since,
        ),
        request,
        50,
      );
    }),
  ];
}

function account(world: World, note: Note): HttpHandler[] {
  const org = world.organisation;
  return [
    http.patch(`${api}/me`, async ({ request }) => {
      note(request);
      const { name } = (await request.json()) as { name: string };
      world.me = { ...world.me, user: { ...world.me.user, name } };
      return HttpResponse.json(world.me);
    }),
    http.get(`${api}/me/sessions`, ({ request }) => paged(org.sessions, request)),
    http.delete(`${api}/me/sessions/:id`, ({ request, params }) => {
      note(request);
      org.sessions = org.sessions.filter((s) => s.id !== params.id);
      return done();
    }),
    http.post(`${api}/me/sign-out-everywhere`, ({ request }) => {
      note(request);
      world.signedIn = false;
      return done();
    }),
    http.post(`${api}/me/password`, async ({ request }) => {
      note(request);
      const { old_password } = (await request.json()) as { old_password: string };
      return old_password === "wrong"
        ? problem(422, "validation_failed", "The present password is not right.", {
            fields: { old_password: "is not right" },
          })
        : done();
    }),
  ];
}
