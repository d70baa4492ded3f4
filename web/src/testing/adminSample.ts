/** An invented organisation for the pages of the administration. The same on every run, but for the clock. */
import type {
  AdminConnection,
  Approval,
  AuditRow,
  Colleague,
  ConnectLink,
  DoctorReport,
  GoogleClient,
  Invitation,
  Key,
  Lease,
  ServiceToken,
  SessionRow,
} from "../lib/types";
import { wellReport } from "./doctorSample";

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const scope = (short: string) => `https://www.googleapis.com/auth/${short}`;

export interface Organisation {
  approval: Approval;
  clients: GoogleClient[];
  invitations: Invitation[];
  connections: AdminConnection[];
  directory: Colleague[] | "not_connected";
  links: ConnectLink[];
  keys: Key[];
  tokens: ServiceToken[];
  leases: Lease[];
  audit: AuditRow[];
  doctor: DoctorReport;
  sessions: SessionRow[];
}

export function makeOrganisation(now: Date): Organisation {
  const before = (ms: number) => new Date(now.getTime() - ms).toISOString();
  const after = (ms: number) => new Date(now.getTime() + ms).toISOString();
  return {
    approval: makeApproval(before),
    clients: [
      {
        id: "gc1",
        name: "Northwind Lamps CRM",
        google_client_id: "481516234200-lamps.apps.googleusercontent.com",
        installation: false,
        source: "page",
        current: true,
        grants: 14,
        created_at: before(40 * day),
        updated_at: before(3 * day),
        retired_at: null,
      },
      {
        id: "env",
        name: "",
        google_client_id: "900100200300-house.apps.googleusercontent.com",
        installation: true,
        source: "environment",
        current: false,
        grants: 3,
        created_at: null,
        updated_at: null,
        retired_at: null,
      },
    ],
    invitations: [
      {
        id: "i1",
        email: "selma.ruud@northwind-lamps.example",
        name: "Selma Ruud",
        role: "member",
        invited_by: "Mara Lindqvist",
        created_at: before(2 * day),
        expires_at: after(5 * day),
      },
    ],
    connections: makeConnections(before, after),
    directory: makeDirectory(before),
    links: [
      {
        id: "l1",
        user_id: "u5",
        email: "pavel.horak@northwind-lamps.example",
        name: "Pavel Horák",
        services: ["gmail"],
        created_at: before(day),
        expires_at: after(6 * day),
        used_at: null,
      },
    ],
    keys: [
      key(
        "k1",
        "Quote builder",
        ["tokens:vend:gmail", "tokens:vend:sheets"],
        before(4 * minute),
        after(81 * day),
        null,
      ),
      key("k2", "Nightly export", ["mail:read"], before(9 * hour), null, null),
      key("k3", "Old importer", ["*"], before(60 * day), null, before(12 * day)),
    ],
    tokens: [
      token("t1", "shop-1042", "gmail", "active", before(4 * minute), before(20 * day)),
      token("t2", "shop-1042", "sheets", "active", before(hour), before(20 * day)),
      token("t3", "u2", "drive", "dead", before(9 * day), before(50 * day)),
    ],
    leases: makeLeases(before, after),
    audit: makeAudit(now),
    doctor: wellReport,
    sessions: makeSessions(before),
  };
}

type Clock = (ms: number) => string;

function makeApproval(before: Clock): Approval {
  return {
    state: "approved",
    allowed_domains: ["northwind-lamps.example"],
    scope_profile: "full",
    products: ["gmail", "calendar"],
    decided_by: "u1",
    decided_at: before(3 * day),
    client: {
      id: "gc1",
      google_client_id: "481516234200-lamps.apps.googleusercontent.com",
      name: "Northwind Lamps CRM",
      source: "page",
    },
    scopes: [
      "openid",
      scope("userinfo.email"),
      scope("userinfo.profile"),
      scope("gmail.readonly"),
      scope("gmail.modify"),
      scope("gmail.send"),
      scope("calendar"),
      scope("calendar.events"),
    ],
    redirect_uris: [
      "https://crm.northwind-lamps.example/api/v1/integrations/google/callback",
      "https://crm.northwind-lamps.example/api/v1/auth/google/callback",
      "https://crm.northwind-lamps.example/oauth/callback",
    ],
    javascript_origins: ["https://crm.northwind-lamps.example"],
    admin_console_url: "https://admin.google.com/ac/owl/list?tab=configuredApps",
    admin_console_path: "Security → Access and data control → API controls → Manage third-party app access",
    requests: [],
    testing: { detected: false, countdown: null, evidence: "" },
  };
}

export const request = (now: Date) => ({
  user_id: "u2",
  name: "Daniel Osei",
  email: "daniel.osei@northwind-lamps.example",
  note: "I would like to answer the fitters from here.",
  asked_at: new Date(now.getTime() - 12 * minute).toISOString(),
});

function makeConnections(before: Clock, after: Clock): AdminConnection[] {
  const one = (
    n: number,
    name: string,
    status: AdminConnection["status"],
    more: Partial<AdminConnection> = {},
  ): AdminConnection => {
    const email = `${name.toLowerCase().replace(/[^a-z]+/g, ".")}@northwind-lamps.example`;
    return {
      id: `c${n}`,
      user_id: `u${n}`,
      user_name: name,
      user_email: email,
      google_email: email,
      status,
      status_reason: "",
      granted_scopes: [scope("gmail.modify")],
      missing_scopes: [],
      last_sync_at: before(20_000),
      refresh_expires_at: null,
      created_at: before(30 * day),
      ...more,
    };
  };
  return [
    one(1, "Mara Lindqvist", "active"),
    one(2, "Daniel Osei", "degraded", {
      missing_scopes: [
        { scope: scope("gmail.send"), feature: "Send mail", description: "Mail cannot be answered here." },
      ],
    }),
    one(3, "Hanne Brandt", "needs_reauth", {
      status_reason: "Access was removed in the Google account",
      last_sync_at: before(2 * day),
    }),
    one(4, "Ingmar Solheim", "active", { refresh_expires_at: after(2 * day) }),
    one(5, "Yuki Arai", "paused", { status_reason: "Paused by its owner." }),
    one(6, "Lena Vogt", "waiting_for_admin", {
      google_email: "",
      status_reason: "The Google Workspace organisation does not allow this app yet",
      last_sync_at: null,
    }),
  ];
}

function makeDirectory(before: Clock): Colleague[] {
  const one = (n: number, name: string, more: Partial<Colleague> = {}): Colleague => ({
    id: `g${n}`,
    email: `${name
      .normalize("NFD")
      .toLowerCase()
      .replace(/[^a-z ]/g, "")
      .replace(/ +/g, ".")}@northwind-lamps.example`,
    name,
    photo_url: "",
    org_unit: "/Sales",
    suspended: false,
    archived: false,
    admin: false,
    no_mailbox: false,
    user_id: "",
    role: "",
    connected: false,
    status: "",
    link_sent_at: null,
    ...more,
  });
  return [
    one(1, "Mara Lindqvist", { connected: true, status: "active", user_id: "u1", role: "owner", org_unit: "/" }),
    one(2, "Daniel Osei", { connected: true, status: "degraded", user_id: "u2", role: "member" }),
    one(3, "Pavel Horák", { link_sent_at: before(day), user_id: "u5", role: "member" }),
    one(4, "Bettina Krause"),
    one(5, "Chidi Anozie", { org_unit: "/Workshop" }),
    one(6, "Flora Benedetti", { org_unit: "/Workshop" }),
    one(7, "Old Showroom", { suspended: true }),
    one(8, "Front Desk", { no_mailbox: true }),
  ];
}

function key(
  id: string,
  name: string,
  scopes: string[],
  used: string,
  expires: string | null,
  revoked: string | null,
): Key {
  return {
    id,
    name,
    prefix: `rpk_${id}7Qx`,
    scopes,
    user_id: "u1",
    created_at: "2026-01-20T10:00:00Z",
    expires_at: expires,
    last_used_at: used,
    revoked_at: revoked,
  };
}

function token(id: string, user: string, service: string, status: string, used: string, created: string): ServiceToken {
  return {
    id,
    user_id: user,
    service,
    google_email: user === "u2" ? "daniel.osei@northwind-lamps.example" : "orders@corner-shop.example",
    status,
    expires_at: null,
    last_used_at: used,
    has_refresh_token: status === "active",
    created_at: created,
  };
}

function makeLeases(before: Clock, after: Clock): Lease[] {
  return [
    {
      id: "le1",
      name: "Mail merge, March",
      user_id: "shop-1042",
      service: "gmail",
      methods: ["GET", "POST"],
      paths: ["/gmail/v1/users/me/messages*"],
      per_minute: 60,
      max_calls: 500,
      calls: 132,
      refused: 2,
      created_at: before(5 * minute),
      expires_at: after(10 * minute),
      last_used_at: before(9000),
      cut_at: null,
    },
    {
      id: "le2",
      name: "Price sheet",
      user_id: "shop-1042",
      service: "sheets",
      methods: ["GET"],
      paths: ["/v4/spreadsheets/*"],
      per_minute: 0,
      max_calls: 0,
      calls: 12,
      refused: 0,
      created_at: before(3 * hour),
      expires_at: before(2.75 * hour),
      last_used_at: before(2.8 * hour),
      cut_at: null,
    },
  ];
}

function makeSessions(before: Clock): SessionRow[] {
  return [
    {
      id: "s2",
      created_at: before(6 * day),
      last_seen_at: before(3 * hour),
      remote: "198.51.100.24",
      user_agent:
        "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Mobile/15E148 Safari/604.1",
      current: false,
    },
    {
      id: "s1",
      created_at: before(2 * hour),
      last_seen_at: before(1000),
      remote: "203.0.113.7",
      user_agent:
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
      current: true,
    },
  ];
}

/** A hundred and twenty rows over some days, so that the list has several pages. */
function makeAudit(now: Date): AuditRow[] {
  const shapes: Partial<AuditRow>[] = [
    { action: "token.vend", via: "api_key", key_id: "k1", detail: "gmail", user_name: "Mara Lindqvist", user_id: "u1" },
    { action: "login", via: "session", detail: "google", user_name: "Daniel Osei", user_id: "u2" },
    { action: "token.vend", via: "api_key", key_id: "k1", detail: "drive", outcome: "denied", user_id: "u1" },
    {
      action: "api_key.create",
      via: "session",
      detail: "tokens:vend:gmail",
      user_name: "Mara Lindqvist",
      user_id: "u1",
    },
    { action: "token.refresh", via: "system", user_name: "Hanne Brandt", user_id: "u3", outcome: "failed" },
    {
      action: "approval.decide",
      via: "session",
      detail: "from pending to approved; scope profile full",
      user_name: "Mara Lindqvist",
      user_id: "u1",
    },
    { action: "login.failed", via: "", outcome: "denied", user_id: "" },
    { action: "connection.connect", via: "session", detail: "active", user_name: "Daniel Osei", user_id: "u2" },
  ];
  return Array.from({ length: 120 }, (_, n) => ({
    id: `a${n}`,
    at: new Date(now.getTime() - n * 41 * minute).toISOString(),
    user_id: "",
    user_name: "",
    key_id: "",
    via: "session",
    action: "",
    target: "",
    outcome: "ok",
    detail: "",
    remote: "203.0.113.7",
    ...shapes[n % shapes.length],
  }));
}
