/** The rights of API keys, grouped for choosing. */
import { serviceName } from "./approval";

export interface KeyScope {
  scope: string;
  title: string;
  detail: string;
}

export interface KeyScopeGroup {
  title: string;
  note?: string;
  scopes: KeyScope[];
}

export const tokenServices = ["gmail", "calendar", "contacts", "drive", "meet", "sheets", "directory"];

const vends: Record<string, string> = {
  gmail: "Access tokens to read, change and send mail",
  calendar: "Access tokens for calendars and events",
  contacts: "Access tokens for contacts",
  drive: "Access tokens for Drive files",
  meet: "Access tokens to create video rooms",
  sheets: "Access tokens for spreadsheets",
  directory: "Access tokens for the organisation's directory",
};

export const keyScopeGroups: KeyScopeGroup[] = [
  {
    title: "Data in Rapport",
    note: "What the member who makes the key may see, and nothing beyond.",
    scopes: [{ scope: "mail:read", title: "Read mail", detail: "Messages, conversations, files, sync state" }],
  },
  {
    title: "Google tokens for plugins",
    note: "A key gets tokens of people who authorised that service for it, never of a colleague's own mailbox.",
    scopes: tokenServices.map((service) => ({
      scope: `tokens:vend:${service}`,
      title: serviceName(service),
      detail: vends[service] ?? "",
    })),
  },
  {
    title: "Administration",
    scopes: [
      {
        scope: "admin",
        title: "Administer",
        detail: "Members, approval, connections and keys, as far as its member's role allows",
      },
    ],
  },
];

const words: Record<string, string> = {
  "*": "Everything the member may",
  "tokens:vend:*": "Tokens of every service",
  "mail:*": "All of mail",
  ...Object.fromEntries(keyScopeGroups[0]?.scopes.map((s) => [s.scope, s.title]) ?? []),
  admin: "Administer",
};

/** A scope in two words, for a list of keys. */
export function keyScopeTitle(scope: string): string {
  const known = words[scope];
  if (known) return known;
  const vend = /^tokens:vend:(.+)$/.exec(scope)?.[1];
  return vend ? `${serviceName(vend)} tokens` : scope;
}

export const lives: { value: string; title: string; days: number | undefined }[] = [
  { value: "30", title: "In 30 days", days: 30 },
  { value: "90", title: "In 90 days", days: 90 },
  { value: "365", title: "In one year", days: 365 },
  { value: "never", title: "Never", days: undefined },
];

/** When a key made now ends. */
export function expiryOf(life: string, now = new Date()): string | undefined {
  const days = lives.find((l) => l.value === life)?.days;
  return days === undefined ? undefined : new Date(now.getTime() + days * 86_400_000).toISOString();
}

export type KeyState = "active" | "expired" | "revoked";

export function keyState(key: { revoked_at: string | null; expires_at: string | null }, now = new Date()): KeyState {
  if (key.revoked_at) return "revoked";
  return key.expires_at && new Date(key.expires_at) <= now ? "expired" : "active";
}

/** A call that a key with these rights can make, to see that it works. */
export function tryIt(scopes: string[], origin: string): string {
  const service = scopes.map((s) => /^tokens:vend:(.+)$/.exec(s)?.[1]).find(Boolean);
  const path = service ? `/api/token/USER/${service === "*" ? "gmail" : service}` : "/api/v1/me";
  return `curl -H "Authorization: Bearer $RAPPORT_KEY" ${origin}${path}`;
}
