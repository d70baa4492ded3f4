import { Button, Menu, Progress } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { Link } from "@tanstack/react-router";
import { Check, ChevronDown, Pause, Play, Plus, RefreshCw } from "lucide-react";
import { paths } from "@/app/paths";
import { useGoogleIntegrationConnect } from "@/hooks/useGoogleIntegration";
import { importProgress, isSyncing, lastSync, progressSentence, readConnection } from "@/lib/connection";
import { count, plural } from "@/lib/format";
import { explain } from "@/lib/problem";
import { repairServices } from "@/lib/scopes";
import type { GoogleStatus, Run } from "@/lib/types";
import { GoogleMark } from "@/ui/GoogleMark";
import { Card, Pill, Time } from "@/ui/kit";
import classes from "./settings.module.css";
import { useChange, useRuns, useSync } from "./useConnection";

interface Props {
  workspaceId: string;
  status: GoogleStatus;
  onChoose: (connection: string) => void;
}

/** The state, before anything that can be changed. */
export function AccountCard({ workspaceId, status, onChoose }: Props) {
  const reading = readConnection(status);
  const progress = importProgress(status);
  return (
    <Card>
      <div className={classes.account}>
        <span className={classes.logo}>
          <GoogleMark size={20} />
        </span>
        <div className={classes.accountText}>
          <div className={classes.accountName}>
            <h2>
              {reading.tone === "ok" || reading.tone === "busy"
                ? `Connected as ${status.google_email}`
                : status.google_email || "Google"}
            </h2>
            <Accounts status={status} onChoose={onChoose} />
            {reading.tone !== "ok" && <Pill tone={reading.tone}>{reading.label}</Pill>}
          </div>
          <p className={classes.state}>
            {reading.tone === "ok" || reading.tone === "busy" ? (
              <Sentence workspaceId={workspaceId} status={status} />
            ) : (
              reading.detail
            )}
          </p>
        </div>
        <Actions workspaceId={workspaceId} status={status} />
      </div>
      {progress && (
        <div className={classes.import}>
          <Progress
            value={progress.total > 0 ? (100 * progress.done) / progress.total : 3}
            size={5}
            aria-label="Import of your mail"
          />
          <p>{progressSentence(progress)}</p>
        </div>
      )}
    </Card>
  );
}

/** "1,200 of 1,200 messages, last change 12 s ago". */
function Sentence({ workspaceId, status }: { workspaceId: string; status: GoogleStatus }) {
  const runs = useRuns(workspaceId, status.connection_id).data?.items ?? [];
  const changed = runs.find(
    (r) => r.finished_at && r.counts.added + r.counts.updated + r.counts.deleted > 0,
  )?.finished_at;
  const looked = lastSync(status);
  return (
    <>
      {counted(status, runs)}
      {changed && (
        <>
          , last change <Time iso={changed} style="ago" />
        </>
      )}
      {looked && (
        <>
          , last look <Time iso={looked} style="ago" />
        </>
      )}
      .
    </>
  );
}

/** What is here, of what Gmail has: from the last check, or from the import where none was made yet. Never a guess. */
export function counted({ counts, completeness }: GoogleStatus, runs: Run[]): string {
  const here = plural(counts.messages, "message");
  const whole = runs.find((r) => r.stream === "gmail.backfill" && r.finished_at && r.total > 0);
  const [got, of] = completeness
    ? [completeness.rapport_count, completeness.google_count]
    : whole
      ? [whole.total - whole.counts.failed, whole.total]
      : [undefined, undefined];
  if (got === undefined) return here;
  const compared = `${count(got)} of ${plural(of, "message")}`;
  return got === counts.messages
    ? compared
    : `${compared} at the last ${completeness ? "check" : "import"}, ${count(counts.messages)} now`;
}

function Actions({ workspaceId, status }: { workspaceId: string; status: GoogleStatus }) {
  const { connect, isConnecting } = useGoogleIntegrationConnect(workspaceId);
  const sync = useSync(workspaceId, status.connection_id);
  const change = useChange(workspaceId, status.connection_id);
  const reading = readConnection(status);
  const reconnect = () =>
    void connect(reading.action === "repair" ? repairServices(status.missing_scopes) : ["gmail"], {
      connectionId: status.connection_id,
    }).catch((error) => notifications.show({ color: "red", message: explain(error).message }));
  if (reading.action === "ask" || reading.action === "blocked") {
    return (
      <Button component={Link} to={paths.connect}>
        See what is missing
      </Button>
    );
  }
  if (reading.action === "wait") {
    return (
      <div className={classes.actions}>
        <Button component={Link} to={paths.connect}>
          What your administrator needs
        </Button>
        <Button loading={isConnecting} onClick={reconnect}>
          Try again
        </Button>
      </div>
    );
  }
  if (reading.action === "connect") {
    return (
      <Button variant="filled" loading={isConnecting} onClick={reconnect}>
        Connect again
      </Button>
    );
  }
  if (status.status === "paused") {
    return (
      <Button
        variant="filled"
        leftSection={<Play size={14} />}
        loading={change.isPending}
        onClick={() => change.mutate({ paused: false })}
      >
        Resume
      </Button>
    );
  }
  if (reading.action === "reconnect") {
    return (
      <Button variant="filled" loading={isConnecting} onClick={reconnect}>
        Reconnect
      </Button>
    );
  }
  const working = sync.isPending || isSyncing(status);
  return (
    <div className={classes.actions}>
      {reading.action === "repair" && (
        <Button variant="filled" loading={isConnecting} onClick={reconnect}>
          Give the missing permission
        </Button>
      )}
      <Button
        leftSection={<RefreshCw size={14} />}
        loading={sync.isPending}
        disabled={working}
        onClick={() => sync.mutate({})}
      >
        Sync now
      </Button>
      <Menu position="bottom-end" width={230}>
        <Menu.Target>
          <Button px={8} aria-label="More for this connection">
            <ChevronDown size={15} />
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<RefreshCw size={15} />} onClick={() => sync.mutate({ full: true })}>
            Read everything again
          </Menu.Item>
          <Menu.Item leftSection={<GoogleMark size={14} />} onClick={reconnect}>
            Reconnect
          </Menu.Item>
          <Menu.Item leftSection={<Pause size={15} />} onClick={() => change.mutate({ paused: true })}>
            Pause
          </Menu.Item>
          <Menu.Divider />
          <Menu.Item leftSection={<Plus size={15} />} onClick={() => void connect(["gmail"])}>
            Connect another account
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </div>
  );
}

function Accounts({ status, onChoose }: Pick<Props, "status" | "onChoose">) {
  if (status.connections.length < 2) return null;
  return (
    <Menu position="bottom-start" width={280}>
      <Menu.Target>
        <Button variant="subtle" px={4} aria-label="Choose another account">
          <ChevronDown size={15} />
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {status.connections.map((c) => (
          <Menu.Item
            key={c.id}
            onClick={() => onChoose(c.id)}
            rightSection={c.id === status.connection_id && <Check size={14} />}
          >
            {c.google_email}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
