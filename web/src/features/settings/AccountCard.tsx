import { Button, Menu, Progress } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { Check, ChevronDown, Pause, Play, Plus, RefreshCw } from "lucide-react";
import { useGoogleIntegrationConnect } from "@/hooks/useGoogleIntegration";
import { importProgress, isSyncing, lastSync, progressSentence, readConnection } from "@/lib/connection";
import { count, plural } from "@/lib/format";
import { explain } from "@/lib/problem";
import type { GoogleStatus, Run } from "@/lib/types";
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
          <GoogleMark />
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
    void connect(["gmail"], { connectionId: status.connection_id }).catch((error) =>
      notifications.show({ color: "red", message: explain(error).message }),
    );
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
  if (reading.action === "reconnect" || reading.action === "wait") {
    return (
      <Button variant={reading.action === "wait" ? "default" : "filled"} loading={isConnecting} onClick={reconnect}>
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

function GoogleMark({ size = 20 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 18 18" aria-hidden="true">
      <path
        fill="#4285F4"
        d="M17.64 9.2c0-.64-.06-1.25-.16-1.84H9v3.48h4.84a4.14 4.14 0 0 1-1.8 2.72v2.26h2.92c1.7-1.57 2.68-3.88 2.68-6.62z"
      />
      <path
        fill="#34A853"
        d="M9 18c2.43 0 4.47-.8 5.96-2.18l-2.92-2.26c-.8.54-1.84.86-3.04.86-2.34 0-4.32-1.58-5.03-3.7H.96v2.33A9 9 0 0 0 9 18z"
      />
      <path
        fill="#FBBC05"
        d="M3.97 10.71A5.41 5.41 0 0 1 3.68 9c0-.6.1-1.17.28-1.71V4.96H.96a9 9 0 0 0 0 8.08l3-2.33z"
      />
      <path
        fill="#EA4335"
        d="M9 3.58c1.32 0 2.5.45 3.44 1.35l2.58-2.59A9 9 0 0 0 .96 4.96l3 2.33C4.68 5.16 6.66 3.58 9 3.58z"
      />
    </svg>
  );
}
