/** The audit trail as sentences. The subject stands apart, so that it can be shown with a face. */
import { serviceName } from "./approval";
import { keyScopeTitle } from "./keyScopes";
import type { AuditRow } from "./types";

export interface AuditSentence {
  /** Who did it. */
  who: string;
  /** "removed Daniel from the workspace" */
  text: string;
  /** A word or two beside it. */
  note?: string;
}

type Name = (id: string) => string | undefined;
type Write = (row: AuditRow, name: Name) => string;

/** Actions whose target is a person, who is named. */
const aboutPeople = new Set(["member.add", "member.role", "member.remove", "password.reset", "approval.dismiss"]);

/** The ids of people whose names the sentence of a row needs. */
export const peopleIn = (row: AuditRow): string[] => [
  ...(row.user_name ? [] : [row.user_id]),
  ...(aboutPeople.has(row.action) ? [row.target] : []),
];

const person = (row: AuditRow, name: Name) => name(row.target) ?? "somebody";
const service = (text: string) => {
  const found = /\b(gmail|calendar|contacts|directory|drive|meet|sheets)\b/.exec(text)?.[1];
  return found ? serviceName(found) : undefined;
};
const tokenOf = (row: AuditRow) => {
  const named = service(row.detail) ?? service(row.target);
  return named ? `a ${named} token` : "a Google token";
};
const scopes = (detail: string) =>
  detail
    .replace(/^scopes /, "")
    .split(/[\s,]+/)
    .filter(Boolean)
    .map(keyScopeTitle)
    .join(", ");
const role = (detail: string) => /\b(owner|admin|member)\b/.exec(detail)?.[1];
const roleName: Record<string, string> = { owner: "owner", admin: "administrator", member: "member" };

/** What happened when it went well. Longer names before shorter ones is not needed: names are whole. */
const done: Record<string, Write> = {
  "workspace.setup": () => "set up this workspace",
  login: (r) =>
    `signed in${r.detail === "google" ? " with Google" : r.detail === "password" ? " with a password" : ""}`,
  logout: () => "signed out",
  "session.end": () => "ended a session",
  "session.end_all": (r) =>
    `signed out everywhere${/security event/.test(r.detail) ? ", because Google reported something" : ""}`,
  "password.change": () => "changed their password",
  "name.change": () => "changed their name",
  "password.reset": (r, n) => `gave ${person(r, n)} a new password from the command line`,
  "password.clear": () => "showed by Google who they are: the password that others may have chosen was taken away",
  "member.add": (r, n) => `added ${person(r, n)}${as(r)}`,
  "member.join": () => "joined by the domain of their Google account",
  "member.role": (r, n) => `changed the role of ${person(r, n)}${to(r)}`,
  "member.remove": (r, n) =>
    /left by themselves/.test(r.detail) ? "left the workspace" : `removed ${person(r, n)} from the workspace`,
  "invitation.create": (r) => `made an invitation${as(r)}`,
  "invitation.accept": (r) => `accepted an invitation${as(r)}`,
  "invitation.revoke": () => "revoked an invitation",
  "approval.ask": () => "asked for Google to be approved",
  "approval.dismiss": (r, n) => `dismissed the request of ${person(r, n)}`,
  "approval.decide": (r) => approval(r.detail),
  "google_client.add": () => "added Google credentials",
  "google_client.change": () => "changed Google credentials",
  "google_client.retire": () => "retired Google credentials",
  "api_key.create": (r) => `made an API key${r.detail ? ` that may: ${scopes(r.detail)}` : ""}`,
  "api_key.revoke": () => "revoked an API key",
  "webhook.create": () => "made a webhook",
  "webhook.change": () => "changed a webhook",
  "webhook.rotate": () => "gave a webhook a new secret",
  "webhook.redeliver": () => "sent a webhook's delivery again",
  "webhook.disable": (r) => `disabled a webhook. ${r.detail}`,
  "webhook.delete": () => "deleted a webhook",
  "connect_link.create": () => "made a connect link",
  "connect_link.revoke": () => "revoked a connect link",
  "connection.connect": (r) =>
    `connected a Google account${r.detail === "degraded" ? ", with some boxes left unticked" : ""}`,
  "connection.disconnect": () => "disconnected a Google account",
  "connection.reconnect": () => "reconnected a Google account",
  "login.google": () => "signed in with Google",
  "token.link": (r) => `made a link to authorise ${service(r.target) ?? "a service"}`,
  "tokens.keep_alive": () => "kept unused permissions alive",
  "token.authorize": (r) => `authorised ${service(r.detail) ?? "a service"} for plugins`,
  "token.vend": (r) => `was given ${tokenOf(r)}`,
  "token.refresh": (r) => `renewed ${tokenOf(r)}`,
  "token.revoke": (r) => `revoked ${tokenOf(r)}`,
  "token.unseal": (r) => `opened ${tokenOf(r)}`,
  "lease.create": (r) => `made a lease${service(r.detail) ? ` for ${service(r.detail)}` : ""}`,
  "lease.use": (r) => `called Google through a lease${r.detail ? `: ${r.detail}` : ""}`,
  "lease.cut": () => "cut a lease off",
  "keys.rotate": () => "encrypted everything under the newest key",
  "login.failed": () => "tried to sign in with a wrong password",
};

/** The same when it was refused or failed, where turning the sentence round is not enough. */
const notDone: Record<string, Write> = {
  login: () => "was not let in",
  "login.failed": () => "tried to sign in with a wrong password",
  "token.vend": (r) => `was refused ${tokenOf(r)}`,
  "token.refresh": (r) => `could not renew ${tokenOf(r)}`,
  "token.unseal": (r) => `could not open ${tokenOf(r)}: the key that encrypted it is missing`,
  "lease.use": (r) => `was refused a call through a lease${r.detail ? `: ${r.detail}` : ""}`,
  "connection.connect": (r) => `could not connect a Google account${r.detail ? `: ${r.detail}` : ""}`,
  "password.change": () => "gave a wrong password when changing it",
};

function as(row: AuditRow): string {
  const r = role(row.detail);
  return r ? ` as ${roleName[r]}` : "";
}
function to(row: AuditRow): string {
  const all = row.detail.match(/\b(owner|admin|member)\b/g);
  const last = all?.at(-1);
  return last ? ` to ${roleName[last]}` : "";
}

function approval(detail: string): string {
  switch (/\bto (approved|blocked|pending)\b/.exec(detail)?.[1]) {
    case "approved":
      return "approved Google for this workspace";
    case "blocked":
      return "blocked Google for this workspace";
    case "pending":
      return "set the approval of Google back to pending";
  }
  return /as before/.test(detail) ? "confirmed the approval of Google" : `changed what may be connected: ${detail}`;
}

/** Google's own reports about an account (Cross-Account Protection). */
function security(kind: string): string {
  switch (kind) {
    case "security.sessions_revoked":
      return "heard from Google that sessions were ended";
    case "security.tokens_revoked":
    case "security.token_revoked":
      return "heard from Google that permissions were taken back";
    case "security.account_disabled":
      return "heard from Google that an account was disabled";
    case "security.account_enabled":
      return "heard from Google that an account works again";
    default:
      return `heard from Google: ${plain(kind.replace(/^security\./, ""))}`;
  }
}

/** Unknown actions of later versions still read as words. */
const plain = (action: string) => action.replace(/[._]/g, " ");

export function auditSentence(row: AuditRow, name: Name = () => undefined): AuditSentence {
  const good = row.outcome === "ok" || row.outcome === "";
  if (row.action.startsWith("security.")) return { who: "Rapport", text: security(row.action) };
  const write = good ? done[row.action] : (notDone[row.action] ?? done[row.action]);
  const refused = !good && !notDone[row.action];
  const text = write ? write(row, name) : plain(row.action);
  return {
    who: actor(row, name),
    text: refused ? `${text} — ${row.outcome === "denied" ? "refused" : "failed"}` : text,
    note: good ? undefined : row.outcome === "denied" ? "Refused" : "Failed",
  };
}

function actor(row: AuditRow, name: Name): string {
  const who = row.user_name || name(row.user_id);
  if (row.via === "api_key") return who ? `A key of ${who}` : "An API key";
  if (row.via === "system") return who ? `Rapport, for ${who},` : "Rapport";
  return who || (row.user_id ? "A former member" : "Somebody");
}

/** The parts of the trail a reader can narrow it to; the value begins the action. */
export const auditAreas: { value: string; title: string }[] = [
  { value: "", title: "Everything" },
  { value: "login", title: "Sign-in" },
  { value: "member", title: "Members" },
  { value: "invitation", title: "Invitations" },
  { value: "approval", title: "Approval" },
  { value: "connection", title: "Connections" },
  { value: "token", title: "Tokens" },
  { value: "lease", title: "Leases" },
  { value: "api_key", title: "API keys" },
  { value: "google_client", title: "Google credentials" },
  { value: "connect_link", title: "Connect links" },
  { value: "security", title: "Reports of Google" },
];

export const auditPeriods: { value: string; title: string; days: number | undefined }[] = [
  { value: "", title: "Any time", days: undefined },
  { value: "1", title: "Last 24 hours", days: 1 },
  { value: "7", title: "Last 7 days", days: 7 },
  { value: "30", title: "Last 30 days", days: 30 },
];

export function sinceOf(period: string, now = new Date()): string | undefined {
  const days = auditPeriods.find((p) => p.value === period)?.days;
  return days === undefined ? undefined : new Date(now.getTime() - days * 86_400_000).toISOString();
}

/** Rows under the day they happened on, newest first. */
export function byDay(rows: AuditRow[], now = new Date()): { day: string; rows: AuditRow[] }[] {
  const out: { day: string; rows: AuditRow[] }[] = [];
  for (const row of rows) {
    const day = dayName(new Date(row.at), now);
    const last = out.at(-1);
    if (last?.day === day) last.rows.push(row);
    else out.push({ day, rows: [row] });
  }
  return out;
}

function dayName(t: Date, now: Date): string {
  const start = (d: Date) => new Date(d.getFullYear(), d.getMonth(), d.getDate()).getTime();
  const days = Math.round((start(now) - start(t)) / 86_400_000);
  if (days === 0) return "Today";
  if (days === 1) return "Yesterday";
  return t.toLocaleDateString("en-GB", {
    weekday: "long",
    day: "numeric",
    month: "long",
    year: t.getFullYear() === now.getFullYear() ? undefined : "numeric",
  });
}
