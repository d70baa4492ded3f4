import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { paths } from "@/app/paths";
import { useGoogleIntegrationConnect } from "@/hooks/useGoogleIntegration";
import { canReadMail, isHeld, lastSync, type Reading, readConnection, streamError } from "@/lib/connection";
import { ago, longDate } from "@/lib/format";
import { explain } from "@/lib/problem";
import { repairServices } from "@/lib/scopes";
import type { GoogleStatus } from "@/lib/types";
import { useNow } from "@/ui/kit";
import classes from "./Notice.module.css";

interface Props {
  workspaceId: string;
  status: GoogleStatus | undefined;
}

/** Above the list: why it may not be current, and what to do about it. Not there while all is well. */
export function Notice({ workspaceId, status }: Props) {
  if (!status) return null;
  const reading = readConnection(status);
  const last = lastSync(status);
  switch (reading.action) {
    case "connect":
    case "ask":
    case "blocked":
    case "wait":
      return (
        <Line
          tone={reading.tone}
          action={
            <Button component={Link} to={paths.connect} size="xs" variant="filled">
              {reading.action === "connect" ? "Connect Google" : "See what is missing"}
            </Button>
          }
        >
          <b>{reading.action === "connect" ? "Not connected." : `${reading.title}.`}</b>{" "}
          {last ? `This is what was synced until ${longDate(last)}.` : "This is what was synced before."}
        </Line>
      );
    case "reconnect":
      return <Mend workspaceId={workspaceId} status={status} reading={reading} />;
    case "repair":
      return canReadMail(status) ? null : <Mend workspaceId={workspaceId} status={status} reading={reading} />;
    case "resume":
      return (
        <Line
          tone="off"
          action={
            <Button component={Link} to={paths.integrations} size="xs">
              Open the settings
            </Button>
          }
        >
          <b>{reading.label}.</b> {last ? `This is what was synced until ${longDate(last)}.` : reading.detail}
        </Line>
      );
    default:
      return isHeld(status) ? <Held status={status} /> : null;
  }
}

/** Google does not answer, or refuses: how old this is, and that nothing has to be done. */
function Held({ status }: { status: GoogleStatus }) {
  const now = useNow(10_000);
  const last = lastSync(status);
  const failed = streamError(status);
  const held = status.streams.find((s) => s.error);
  const what = held?.error.replace(/\.$/, "") || "Google does not answer";
  return (
    <Line
      tone="warn"
      action={
        failed && (
          <Button component={Link} to={paths.integrations} size="xs">
            Open the settings
          </Button>
        )
      }
    >
      <b>{what}</b>; {last ? `last synced ${ago(last, now)}; ` : ""}
      {failed?.next_step || "it is tried again by itself."}
    </Line>
  );
}

/** What Google took back or was not given is asked for again, with one click. */
function Mend({ workspaceId, status, reading }: Props & { status: GoogleStatus; reading: Reading }) {
  const { connect, isConnecting, error } = useGoogleIntegrationConnect(workspaceId);
  const last = lastSync(status);
  return (
    <Line tone={reading.tone} action={<MendButton {...{ status, reading, connect, isConnecting }} />}>
      <b>{reading.action === "repair" ? "Rapport may not read your mail." : `${reading.title}.`}</b>{" "}
      {error ? explain(error).message : last ? `This is what was synced until ${longDate(last)}.` : ""}
    </Line>
  );
}

interface MendProps {
  status: GoogleStatus;
  reading: Reading;
  connect: ReturnType<typeof useGoogleIntegrationConnect>["connect"];
  isConnecting: boolean;
}

/** Asks Google again for what is missing, and comes back here. */
export function MendButton({ status, reading, connect, isConnecting }: MendProps) {
  const services = reading.action === "repair" ? repairServices(status.missing_scopes) : (["gmail"] as const);
  return (
    <Button
      size="xs"
      variant="filled"
      loading={isConnecting}
      onClick={() => void connect([...services], { connectionId: status.connection_id }).catch(() => undefined)}
    >
      {reading.action === "repair" ? "Give the missing permission" : "Reconnect"}
    </Button>
  );
}

function Line({ tone, action, children }: { tone: Reading["tone"]; action?: ReactNode; children: ReactNode }) {
  return (
    <div className={classes.notice} data-tone={tone} role="status">
      <p>{children}</p>
      {action}
    </div>
  );
}
