import type { Tone } from "@/lib/connection";
import type { Lease, ServiceToken } from "@/lib/types";

/** The services of each user together, users by name. */
export function bySubject(tokens: ServiceToken[]): { subject: string; tokens: ServiceToken[] }[] {
  const found = new Map<string, ServiceToken[]>();
  for (const token of tokens) {
    const list = found.get(token.user_id) ?? [];
    list.push(token);
    found.set(token.user_id, list);
  }
  return [...found]
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([subject, list]) => ({ subject, tokens: list.sort((a, b) => a.service.localeCompare(b.service)) }));
}

export function tokenState(token: Pick<ServiceToken, "status">): { tone: Tone; label: string } {
  switch (token.status) {
    case "active":
      return { tone: "ok", label: "Works" };
    case "dead":
      return { tone: "bad", label: "Ended at Google" };
    case "decryption_failed":
      return { tone: "bad", label: "Key lost" };
    case "revoked":
      return { tone: "off", label: "Revoked" };
    default:
      return { tone: "off", label: token.status };
  }
}

export function leaseState(lease: Lease, now = new Date()): { tone: Tone; label: string; running: boolean } {
  if (lease.cut_at) return { tone: "off", label: "Cut off", running: false };
  if (new Date(lease.expires_at) <= now) return { tone: "off", label: "Over", running: false };
  if (lease.max_calls > 0 && lease.calls >= lease.max_calls) return { tone: "off", label: "Used up", running: false };
  return { tone: "ok", label: "Running", running: true };
}
