/** How a colleague's connection does, for an administrator who sees no mail. */
import type { Tone } from "@/lib/connection";
import type { AdminConnection } from "@/lib/types";

export interface Health {
  tone: Tone;
  label: string;
  detail: string;
  /** A new consent of its owner helps. */
  repair: boolean;
}

export function healthOf(c: AdminConnection): Health {
  switch (c.status) {
    case "active":
      return { tone: "ok", label: "Connected", detail: "", repair: false };
    case "connecting":
      return { tone: "busy", label: "Connecting", detail: "", repair: false };
    case "degraded":
      return {
        tone: "warn",
        label: "Partly connected",
        detail:
          c.missing_scopes.length > 0
            ? `Off: ${c.missing_scopes.map((m) => m.feature).join(", ")}`
            : c.status_reason || "Some permissions were not given",
        repair: true,
      };
    case "needs_reauth":
      return {
        tone: "bad",
        label: "Reconnect needed",
        detail: c.status_reason || "Google no longer accepts the permission",
        repair: true,
      };
    case "waiting_for_admin":
      return {
        tone: "warn",
        label: "Waiting for approval",
        detail: c.status_reason || "An administrator has to allow it",
        repair: false,
      };
    case "paused":
      return { tone: "off", label: "Paused", detail: c.status_reason, repair: false };
    case "disconnected":
      return { tone: "off", label: "Disconnected", detail: c.status_reason, repair: true };
  }
}

/** Somebody has to do something; a pause and a farewell were wanted. */
export const needsAttention = (c: AdminConnection): boolean =>
  c.status === "degraded" || c.status === "needs_reauth" || c.status === "waiting_for_admin";

export function matches(c: AdminConnection, text: string): boolean {
  const all = `${c.user_name} ${c.user_email} ${c.google_email}`.toLowerCase();
  return text
    .toLowerCase()
    .split(/\s+/)
    .every((part) => all.includes(part));
}
