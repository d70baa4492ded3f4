/** What the state of a connection means, in plain words: one place for the banner, the inbox and the settings. */
import { count, longDate, plural, roughly } from "./format";
import type { GoogleStatus, Stream, SyncProgress } from "./types";

export type Tone = "ok" | "busy" | "warn" | "bad" | "off";

export interface Reading {
  tone: Tone;
  /** Two or three words for a pill. */
  label: string;
  /** One sentence: what is so. */
  title: string;
  /** One sentence: what to do or to expect. */
  detail: string;
  /** "ask": the workspace's administrator; "wait": an administrator of Google's, who has nothing to do with us. */
  action?: "connect" | "reconnect" | "repair" | "resume" | "review" | "wait" | "ask" | "blocked";
}

const busy = (s: Stream) => s.state === "running" && s.progress !== undefined;

/** The first import while it runs: what is done, of how many. */
export function importProgress(status: GoogleStatus | undefined): SyncProgress | undefined {
  const backfill = status?.streams.find((s) => s.stream === "gmail.backfill");
  return backfill && busy(backfill) ? backfill.progress : undefined;
}

export const isSyncing = (status: GoogleStatus | undefined): boolean =>
  status?.streams.some((s) => s.state === "running") ?? false;

export const streamError = (status: GoogleStatus | undefined): Stream | undefined =>
  status?.streams.find((s) => s.state === "error");

const readsMail = /gmail\.(readonly|modify|metadata)$|mail\.google\.com/;

/** Whether Google lets Rapport read mail at all; other permissions may be missing. */
export const canReadMail = (status: GoogleStatus): boolean =>
  status.is_connected && status.granted_scopes.some((scope) => readsMail.test(scope.replace(/\/$/, "")));

const readsTexts = /gmail\.(readonly|modify)$|mail\.google\.com/;

/** Google gives headers and labels, and no texts (the metadata permission). */
export const headersOnly = (status: GoogleStatus): boolean =>
  canReadMail(status) && !status.granted_scopes.some((scope) => readsTexts.test(scope.replace(/\/$/, "")));

/** Connected, but the box for reading mail was left unticked: nothing is imported. */
export const mailRefused = (status: GoogleStatus): boolean =>
  status.status === "degraded" && !canReadMail(status) && status.missing_scopes.some((m) => readsMail.test(m.scope));

/** What that means; mail may be here from before. */
export const withoutMail = ({ counts }: GoogleStatus): string =>
  counts.messages > 0
    ? "No new mail arrives until you give the permission to read it; what was imported stays."
    : "The inbox stays empty until you give the permission to read mail.";

/** A stream that waits for Google to answer again. */
const heldStream = (status: GoogleStatus): Stream | undefined =>
  status.streams.find((s) => s.state === "waiting" && s.error);

/** When the mailbox was last in step with Google, as far as is known. */
export function lastSync(status: GoogleStatus | undefined): string | undefined {
  const times = (status?.streams ?? []).map((s) => s.synced_at).filter((t): t is string => Boolean(t));
  return times.sort().at(-1);
}

/** The mailbox is connected, but Google does not answer or refuses: what is seen may be old. */
export const isHeld = (status: GoogleStatus | undefined): boolean =>
  Boolean(status?.is_connected && (heldStream(status) ?? streamError(status)));

export function progressSentence(p: SyncProgress): string {
  const left = p.eta_seconds === 0 ? "" : `, ${roughly(p.eta_seconds)} left`;
  return p.total > 0
    ? `${count(p.done)} of ${plural(p.total, "message")}${left}`
    : `${plural(p.done, "message")} so far`;
}

function troubled(status: GoogleStatus): Reading | undefined {
  const account = status.google_email ?? "your Google account";
  const why = status.status_reason;
  switch (status.status) {
    case "needs_reauth":
      return {
        tone: "bad",
        label: "Reconnect needed",
        title: `Google no longer lets Rapport read ${account}`,
        detail: status.next_step || why || "Reconnect to continue. Nothing that was imported is lost.",
        action: "reconnect",
      };
    case "waiting_for_admin":
      return (
        refusedByWorkspace(status) ?? {
          tone: "warn",
          label: "Waiting for approval",
          title: "Your administrator has to approve Rapport for your organisation",
          detail:
            why || status.next_step || "You can go on as soon as it is approved; nothing else is needed from you.",
          action: "wait",
        }
      );
    case "degraded":
      if (mailRefused(status)) {
        return {
          tone: "warn",
          label: "Mail not allowed",
          title: `Rapport may not read the mail of ${account}`,
          detail: withoutMail(status),
          action: "repair",
        };
      }
      return {
        tone: "warn",
        label: "Partly connected",
        title: `Some permissions for ${account} were not given`,
        detail:
          status.missing_scopes.length > 0
            ? `Off for now: ${status.missing_scopes.map((m) => m.feature).join(", ")}.`
            : status.next_step || why || "Some features are off.",
        action: "repair",
      };
    case "paused":
      return {
        tone: "off",
        label: "Paused",
        title: `Sync of ${account} is paused`,
        detail: status.next_step || why || "New mail is not imported until you resume.",
        action: "resume",
      };
    default:
      return undefined;
  }
}

/** What the workspace itself has decided, where it stands in the way. */
function refusedByWorkspace(status: GoogleStatus): Reading | undefined {
  if (status.approval === "pending") {
    return {
      tone: "warn",
      label: "Waiting for approval",
      title: "Google has to be approved for this workspace first",
      detail:
        [status.status_reason, status.next_step].filter(Boolean).join(" ") ||
        "An administrator approves it once; then every member connects with one click.",
      action: "ask",
    };
  }
  if (status.approval === "blocked") {
    return {
      tone: "bad",
      label: "Blocked",
      title: "Google is blocked in this workspace",
      detail:
        status.status_reason ||
        "An administrator has switched the integration off. What was imported stays; nothing new is read.",
      action: "blocked",
    };
  }
  return undefined;
}

/** Reads a status. Undefined only while it is not known yet. */
export function readConnection(status: GoogleStatus): Reading {
  if (status.status === "none" || status.status === "disconnected") {
    const refused = refusedByWorkspace(status);
    if (refused) return refused;
  }
  if (status.status === "none" || status.status === "disconnected") {
    return {
      tone: "off",
      label: "Not connected",
      title: "Connect your Google account",
      detail: "Your mail appears here, searchable and always current. It stays private to you unless you share it.",
      action: "connect",
    };
  }
  const trouble = troubled(status);
  if (trouble) return trouble;
  const progress = importProgress(status);
  if (progress || status.status === "connecting") {
    return {
      tone: "busy",
      label: "Importing",
      title: `Importing mail from ${status.google_email ?? "Google"}`,
      detail: progress ? progressSentence(progress) : "Starting.",
    };
  }
  const held = heldStream(status);
  if (held) {
    return {
      tone: "warn",
      label: "Waiting for Google",
      title: held.error ?? "Google does not answer just now",
      detail: held.next_run_at
        ? `Rapport tries again by itself, next ${longDate(held.next_run_at)}. Nothing is lost.`
        : "Rapport tries again by itself. Nothing is lost.",
      action: "review",
    };
  }
  const failed = streamError(status);
  if (failed) {
    return {
      tone: "bad",
      label: "Needs attention",
      title: failed.error || "The last sync did not finish",
      detail: failed.next_step || "Rapport tries again by itself.",
      action: "review",
    };
  }
  if (!status.gmail_sync_enabled) {
    return {
      tone: "off",
      label: "Gmail off",
      title: `${status.google_email} is connected, Gmail is off`,
      detail: "Turn Gmail on to import mail.",
      action: "resume",
    };
  }
  return {
    tone: "ok",
    label: "Connected",
    title: `Connected as ${status.google_email}`,
    detail: plural(status.counts.messages, "message"),
  };
}
