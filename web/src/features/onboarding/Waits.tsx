/** Why nobody can connect yet, and how somebody who can change it is asked. */
import { Button, Textarea } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { Ban, Building2, CircleCheck, Hourglass } from "lucide-react";
import { type FormEvent, useState } from "react";
import { paths } from "@/app/paths";
import { isAdmin, useSession } from "@/app/session";
import { useApproval, useAskApproval } from "@/hooks/useApproval";
import { adminMessage, steps } from "@/lib/approval";
import { readConnection } from "@/lib/connection";
import { explain } from "@/lib/problem";
import type { GoogleStatus } from "@/lib/types";
import { CopyLine, CopyWords } from "@/ui/Copy";
import { Time } from "@/ui/kit";
import { Panel } from "./Panel";
import classes from "./Waits.module.css";

/** "approval" and "blocked" are the workspace's own; "google" is the organisation's at Google. */
export type Waiting = "approval" | "blocked" | "google";

export function waitingFor(status: GoogleStatus): Waiting | undefined {
  switch (readConnection(status).action) {
    case "ask":
      return "approval";
    case "blocked":
      return "blocked";
    case "wait":
      return "google";
    default:
      return undefined;
  }
}

interface Props {
  workspaceId: string;
  status: GoogleStatus;
  waits: Waiting;
  trying: boolean;
  onTry: () => void;
}

export function Waits({ workspaceId, status, waits, trying, onTry }: Props) {
  if (waits === "approval") return <Pending workspaceId={workspaceId} />;
  if (waits === "blocked") return <Blocked status={status} />;
  return <AtGoogle workspaceId={workspaceId} status={status} trying={trying} onTry={onTry} />;
}

function Pending({ workspaceId }: { workspaceId: string }) {
  const { workspace } = useSession();
  const approval = useApproval(workspaceId);
  const asked = approval.data?.my_request;
  if (isAdmin(workspace)) {
    return (
      <Panel tone="warn" icon={<Hourglass size={18} />} title="You have not approved Google for this workspace yet">
        <p>You are an administrator: approve it once, then everybody connects with a single click.</p>
        <Button component={Link} to={paths.adminApproval} variant="filled" className={classes.act}>
          Open the approval
        </Button>
      </Panel>
    );
  }
  if (asked) {
    return (
      <Panel tone="ok" icon={<CircleCheck size={18} />} title="Your administrator has been asked">
        <p>
          You asked <Time iso={asked.asked_at} style="long" />. As soon as {workspace.name} is approved, this page
          offers you to connect; you need not do anything until then.
        </p>
        {asked.note && <blockquote className={classes.quote}>{asked.note}</blockquote>}
      </Panel>
    );
  }
  return (
    <Panel tone="warn" icon={<Hourglass size={18} />} title="An administrator has to approve Google first">
      <p>
        An owner or administrator of {workspace.name} approves it once, for everybody. After that you connect with one
        click.
      </p>
      <AskForm workspaceId={workspaceId} />
    </Panel>
  );
}

function AskForm({ workspaceId }: { workspaceId: string }) {
  const [note, setNote] = useState("");
  const ask = useAskApproval(workspaceId);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    ask.mutate(note.trim());
  };
  return (
    <form className={classes.form} onSubmit={submit}>
      <Textarea
        label="A note for them"
        description="If you like"
        maxLength={1000}
        minRows={2}
        rows={2}
        value={note}
        onChange={(event) => setNote(event.currentTarget.value)}
      />
      {ask.error && (
        <p className={classes.error} role="alert">
          {explain(ask.error).message}
        </p>
      )}
      <Button type="submit" variant="filled" loading={ask.isPending}>
        Ask my administrator
      </Button>
    </form>
  );
}

function Blocked({ status }: { status: GoogleStatus }) {
  const { workspace } = useSession();
  const { title, detail } = readConnection(status);
  return (
    <Panel tone="bad" icon={<Ban size={18} />} title={title}>
      <p>{detail}</p>
      {isAdmin(workspace) ? (
        <Button component={Link} to={paths.adminApproval} className={classes.act}>
          Open the approval
        </Button>
      ) : (
        <>
          <p>If you need it, talk to an owner or administrator of {workspace.name}.</p>
          <Button component={Link} to={paths.members} className={classes.act}>
            See who they are
          </Button>
        </>
      )}
    </Panel>
  );
}

/** Google refused: its administrator is another person in most organisations, and needs the client id. */
function AtGoogle({ workspaceId, status, trying, onTry }: Omit<Props, "waits">) {
  const { workspace } = useSession();
  const { data } = useApproval(workspaceId);
  const { title, detail } = readConnection(status);
  return (
    <Panel tone="warn" icon={<Building2 size={18} />} title={title}>
      <p>{detail} Trying again does not help before that.</p>
      {data?.client.google_client_id && (
        <div className={classes.carry}>
          <CopyLine
            text={data.client.google_client_id}
            what="the OAuth client id"
            label="What they allow: this client id"
          />
          <p className={classes.path}>{steps(data.admin_console_path).join(" → ")}</p>
        </div>
      )}
      <div className={classes.acts}>
        {data?.client.google_client_id && (
          <CopyWords filled text={adminMessage(data, workspace.name)}>
            Copy a message for them
          </CopyWords>
        )}
        <Button loading={trying} onClick={onTry}>
          Try again
        </Button>
      </div>
    </Panel>
  );
}

/** Google shows some refusals on a page of its own, from which nobody comes back. */
export function Stuck({ workspaceId }: { workspaceId: string }) {
  const { workspace } = useSession();
  const [open, setOpen] = useState(false);
  const { data } = useApproval(workspaceId, open);
  return (
    <details className={classes.stuck} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Did Google show an error and not bring you back?</summary>
      <dl>
        <div>
          <dt>
            <code>admin_policy_enforced</code>
          </dt>
          <dd>
            Your organisation has not allowed this app. Its Google administrator can.{" "}
            {data?.client.google_client_id && (
              <CopyWords text={adminMessage(data, workspace.name)}>Copy a message for them</CopyWords>
            )}
          </dd>
        </div>
        <div>
          <dt>
            <code>org_internal</code>
          </dt>
          <dd>
            The app is for another organisation. Use an account of that organisation, or ask whoever runs Rapport.
          </dd>
        </div>
        <div>
          <dt>
            <code>access_denied</code>
          </dt>
          <dd>The app is being tested and you are not on its list of test users. Ask whoever runs Rapport.</dd>
        </div>
        <div>
          <dt>
            <code>redirect_uri_mismatch</code>
          </dt>
          <dd>The set-up is not finished. An administrator finds the fix under Administration, Set-up check.</dd>
        </div>
      </dl>
    </details>
  );
}
