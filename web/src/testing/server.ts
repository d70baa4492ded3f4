/** Answers /api from the sample data inside Vite's own server. `/sample/<scene>` changes the scene. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { getResponse } from "msw";
import { makeOrganisation, request } from "./adminSample";
import { brokenReport } from "./doctorSample";
import { announce, handlers, makeWorld } from "./handlers";
import * as sample from "./sample";

const world = makeWorld({ mail: 1200 });
const all = handlers(world);

const idle = {
  last_run_at: new Date().toISOString(),
  synced_at: new Date().toISOString(),
  next_run_at: null,
  error: "",
  next_step: "",
};

const scenes: Record<string, () => void> = {
  connected: () =>
    Object.assign(world, {
      signedIn: true,
      setupNeeded: false,
      failures: [],
      status: sample.makeStatus(world.mail, new Date()),
    }),
  signedout: () => Object.assign(world, { signedIn: false }),
  setup: () => Object.assign(world, { signedIn: false, setupNeeded: true }),
  none: () => Object.assign(world, { status: sample.notConnected }),
  importing: () => {
    scenes.connected?.();
    world.status.streams = [
      { ...idle, stream: "gmail.history", state: "idle" },
      { ...idle, stream: "gmail.backfill", state: "running", progress: { done: 640, total: 1200, eta_seconds: 112 } },
    ];
  },
  reauth: () => {
    scenes.connected?.();
    world.status = {
      ...world.status,
      status: "needs_reauth",
      status_reason: "Access was removed in the Google account.",
    };
  },
  degraded: () => {
    scenes.connected?.();
    world.status = {
      ...world.status,
      status: "degraded",
      missing_scopes: [
        {
          scope: "https://www.googleapis.com/auth/gmail.modify",
          feature: "Gmail",
          description: "Read and search your mail",
        },
      ],
    };
  },
  failures: () => {
    scenes.connected?.();
    world.failures = sample.makeFailures(new Date());
    world.status.counts.failures = 2;
  },
  member: () => {
    scenes.connected?.();
    world.me.workspaces = world.me.workspaces.map((x) => ({ ...x, role: "member" }));
  },
  owner: () => {
    world.me.workspaces = world.me.workspaces.map((x) => ({ ...x, role: "owner" }));
    Object.assign(world.organisation, makeOrganisation(new Date()));
  },
  asked: () => {
    Object.assign(world.organisation.approval, {
      state: "pending",
      requests: [request(new Date())],
      testing: {
        detected: true,
        countdown: new Date(Date.now() + 2 * 86_400_000).toISOString(),
        evidence: "Google sends permissions that end after 7 days.",
      },
    });
  },
  pending: () => {
    world.organisation.approval.state = "pending";
    world.status = { ...sample.notConnected, approval: "pending" };
  },
  blocked: () => {
    world.organisation.approval.state = "blocked";
    world.status = { ...sample.notConnected, approval: "blocked" };
  },
  waiting: () => {
    world.status = {
      ...sample.notConnected,
      status: "waiting_for_admin",
      connection_id: sample.connectionId,
      status_reason:
        "Your Google Workspace organisation does not allow this app yet. An administrator has to allow it in Google's Admin console.",
    };
  },
  doctorbroken: () => {
    world.organisation.doctor = brokenReport;
  },
  nodirectory: () => {
    world.organisation.directory = "not_connected";
  },
  bare: () => {
    Object.assign(world.organisation, {
      keys: [],
      tokens: [],
      leases: [],
      audit: [],
      clients: [],
      invitations: [],
      connections: [],
      links: [],
    });
  },
  arrive: () => {
    const first = world.mail[0];
    if (!first) return;
    world.mail.unshift({
      ...first,
      id: crypto.randomUUID(),
      gmail_id: crypto.randomUUID(),
      gmail_thread_id: crypto.randomUUID(),
      subject: "Arrived just now",
      gmail_date: new Date().toISOString(),
      is_read: false,
      thread_count: 1,
      thread_senders: [],
    });
    announce(world, "mail.arrived", { ids: [] });
  },
};

async function body(request: IncomingMessage): Promise<string | undefined> {
  if (request.method === "GET" || request.method === "HEAD") return undefined;
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}

export async function serveSample(request: IncomingMessage, response: ServerResponse, next: () => void) {
  const url = new URL(request.url ?? "/", "http://127.0.0.1");
  const scene = scenes[url.pathname.replace("/sample/", "")];
  if (scene) {
    scene();
    response.end("ok");
    return;
  }
  if (!url.pathname.startsWith("/api/")) return next();
  const answer = await getResponse(
    all,
    new Request(url, {
      method: request.method,
      headers: request.headers as Record<string, string>,
      body: await body(request),
    }),
  );
  if (!answer) {
    response.statusCode = 404;
    response.end();
    return;
  }
  response.writeHead(answer.status, Object.fromEntries(answer.headers));
  const reader = answer.body?.getReader();
  response.on("close", () => void reader?.cancel());
  for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) response.write(part.value);
  response.end();
}
