import type { Tone } from "@/lib/connection";
import type { Colleague } from "@/lib/types";

/** Where somebody of the directory stands with us. */
export function colleagueState(c: Colleague): { tone: Tone; label: string } {
  if (c.suspended) return { tone: "off", label: "Suspended at Google" };
  if (c.archived) return { tone: "off", label: "Archived at Google" };
  if (c.connected) return { tone: "ok", label: "Connected" };
  switch (c.status) {
    case "degraded":
      return { tone: "warn", label: "Partly connected" };
    case "needs_reauth":
      return { tone: "bad", label: "Reconnect needed" };
    case "waiting_for_admin":
      return { tone: "warn", label: "Waiting for approval" };
    case "paused":
      return { tone: "off", label: "Paused" };
  }
  if (c.no_mailbox) return { tone: "off", label: "No mailbox" };
  if (c.link_sent_at) return { tone: "busy", label: "Link made" };
  return { tone: "off", label: c.user_id ? "Not connected" : "No member yet" };
}

/** A link would help: there is a mailbox, and it is not connected. */
export const canBeAsked = (c: Colleague): boolean => !c.connected && !c.suspended && !c.archived && !c.no_mailbox;
