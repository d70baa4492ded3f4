import type { AuditQuery, EmailQuery } from "./types";

/** The names of everything in the query cache. A prefix names all below it. */
export const keys = {
  me: ["me"] as const,
  setup: ["setup"] as const,
  sessions: ["sessions"] as const,
  /** Outside of the mail: the names of people do not change with every message. */
  people: (w: string) => ["people", w] as const,
  members: (w: string) => ["members", w] as const,
  memberList: (w: string, q: string) => ["members", w, "list", q] as const,
  owners: (w: string) => ["members", w, "owners"] as const,
  member: (w: string, id: string) => ["members", w, "one", id] as const,
  approval: (w: string) => ["approval", w] as const,
  invitation: (token: string) => ["invitation", token] as const,
  connectLink: (token: string) => ["connect-link", token] as const,
  admin: {
    all: (w: string) => ["admin", w] as const,
    clients: (w: string) => ["admin", w, "clients"] as const,
    invitations: (w: string) => ["admin", w, "invitations"] as const,
    connections: (w: string) => ["admin", w, "connections"] as const,
    directory: (w: string, q: string, all: boolean) => ["admin", w, "directory", q, all] as const,
    links: (w: string) => ["admin", w, "links"] as const,
    apiKeys: (w: string) => ["admin", w, "keys"] as const,
    tokens: (w: string) => ["admin", w, "tokens"] as const,
    leases: (w: string) => ["admin", w, "leases"] as const,
    audit: (w: string, query: AuditQuery) => ["admin", w, "audit", query] as const,
    doctor: (w: string) => ["admin", w, "doctor"] as const,
  },
  google: {
    all: (w: string) => ["google", w] as const,
    /** Without a connection: the status of whichever there are. */
    status: (w: string, connection?: string) =>
      connection ? (["google", w, "status", connection] as const) : (["google", w, "status"] as const),
    runs: (w: string) => ["google", w, "runs"] as const,
    failures: (w: string) => ["google", w, "failures"] as const,
    preview: (w: string, labels: string[], limit: number) => ["google", w, "preview", labels, limit] as const,
  },
  mail: {
    all: (w: string) => ["mail", w] as const,
    lists: (w: string) => ["mail", w, "list"] as const,
    list: (w: string, query: EmailQuery) => ["mail", w, "list", query] as const,
    threads: (w: string) => ["mail", w, "thread"] as const,
    thread: (w: string, id: string, connection?: string) => ["mail", w, "thread", id, connection ?? ""] as const,
    message: (w: string, id: string) => ["mail", w, "message", id] as const,
    labels: (w: string) => ["mail", w, "labels"] as const,
    shares: (w: string, connection: string, thread: string) => ["mail", w, "shares", connection, thread] as const,
  },
  /** Outside of the mail: what is being written and sent does not change with every message. */
  outgoing: {
    outbox: (w: string) => ["outgoing", w, "outbox"] as const,
    state: (w: string, state: string) => ["outgoing", w, "outbox", state] as const,
    drafts: (w: string) => ["outgoing", w, "drafts"] as const,
    sendAs: (w: string, connection: string) => ["outgoing", w, "send-as", connection] as const,
  },
  mailRules: (w: string) => ["mail-rules", w] as const,
  mailPolicy: (w: string) => ["mail-policy", w] as const,
  emailAccounts: (w: string) => ["email-accounts", w] as const,
  suggest: (w: string, q: string) => ["suggest", w, q] as const,
};
