import { ActionIcon } from "@mantine/core";
import { X } from "lucide-react";
import type { ReactNode } from "react";
import { mailRefused, withoutMail } from "../lib/connection";
import type { GoogleStatus } from "../lib/types";
import classes from "./Outcome.module.css";

export interface OutcomeText {
  tone: "ok" | "warn" | "bad";
  title: string;
  text: string;
  /** Likely causes, the likeliest first. */
  causes?: string[];
  again?: string;
}

/** How a visit to Google's consent page ended, and what to do now. */
export function outcomeText(
  outcome: string,
  status: GoogleStatus | undefined,
  reason?: string,
): OutcomeText | undefined {
  const account = status?.google_email || "your Google account";
  switch (outcome) {
    case "connected":
      return {
        tone: "ok",
        title: "The connection works",
        text: `Connected as ${account}. The newest mail comes first.`,
      };
    case "degraded":
      if (status && mailRefused(status)) {
        return {
          tone: "warn",
          title: "Connected, but without the permission to read mail",
          text: `The box for reading mail was left unticked on Google's page for ${account}. ${withoutMail(status)}`,
          again: "Give permission to read mail",
        };
      }
      return {
        tone: "warn",
        title: "Connected, with some boxes left unticked",
        text: status?.missing_scopes.length
          ? `Off for now: ${status.missing_scopes.map((m) => m.feature).join(", ")}. Everything else works.`
          : "Some features are off.",
        again: "Give the missing permission",
      };
    case "denied":
      return {
        tone: "warn",
        title: "Google did not give permission",
        text: "Nothing was connected and nothing was stored. The three likely causes:",
        causes: [
          "You pressed Cancel, or closed Google's page. Connect again, tick the boxes and choose Continue.",
          "Your organisation restricts which programs may use Google accounts. Its administrator has to allow this one.",
          "This installation is still being tested at Google, and your address is not on its list of test users. Ask whoever runs Rapport.",
        ],
        again: "Connect again",
      };
    case "wrong_account":
      return {
        tone: "warn",
        title: "That was another Google account",
        text: `Nothing was changed. This connection belongs to ${account}: choose that account at Google.`,
        again: "Choose the account again",
      };
    case "wrong_user":
      return {
        tone: "bad",
        title: "Somebody else began this connection",
        text: "You are signed in as a different person than the one who started it. Nothing was stored.",
        again: "Begin again",
      };
    case "waiting_for_admin":
      return reason === "org_internal" || /another organisation/.test(status?.status_reason ?? "")
        ? {
            tone: "warn",
            title: "This app is for another organisation only",
            text: "Its owner has to make it available to yours, or you connect an account of theirs. Trying again does not help before that.",
            again: "Use another account",
          }
        : {
            tone: "warn",
            title: "Your organisation does not allow Rapport yet",
            text: `${status?.status_reason || "The administrator of your Google Workspace has to allow it."} Trying again does not help before that.`,
          };
    case "domain_not_allowed":
      return {
        tone: "warn",
        title: "This Google account is of another domain",
        text: "Your workspace takes accounts of certain domains only. Nothing was connected and nothing was stored.",
        again: "Use another account",
      };
    case "blocked":
      return {
        tone: "bad",
        title: "Google is blocked in this workspace",
        text: "An administrator has switched the integration off. Nothing was connected.",
      };
    case "expired":
      return {
        tone: "warn",
        title: "That took too long",
        text: "A visit to Google's page is good for ten minutes and one use. Nothing was stored.",
        again: "Start again",
      };
    case "error":
      return {
        tone: "bad",
        title: "Connecting did not work",
        text: "Nothing was stored. Try once more.",
        again: "Try again",
      };
    default:
      return undefined;
  }
}

interface Props {
  outcome: OutcomeText;
  reference?: string;
  action?: ReactNode;
  onClose?: () => void;
}

export function Outcome({ outcome, reference, action, onClose }: Props) {
  return (
    <section className={classes.outcome} data-tone={outcome.tone} role={outcome.tone === "ok" ? "status" : "alert"}>
      <div className={classes.text}>
        <h2>{outcome.title}</h2>
        <p>{outcome.text}</p>
        {outcome.causes && (
          <ol>
            {outcome.causes.map((cause) => (
              <li key={cause}>{cause}</li>
            ))}
          </ol>
        )}
        {reference && <p className={classes.reference}>Reference {reference}</p>}
        {action && <div className={classes.action}>{action}</div>}
      </div>
      {onClose && (
        <ActionIcon aria-label="Dismiss" onClick={onClose}>
          <X size={15} />
        </ActionIcon>
      )}
    </section>
  );
}
