import { Button, Progress } from "@mantine/core";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { AtSign, Lock, Search, ShieldCheck, Zap } from "lucide-react";
import { useEffect, useState } from "react";
import { paths } from "@/app/paths";
import { useSession } from "@/app/session";
import { useApproval } from "@/hooks/useApproval";
import { useGoogleIntegrationConnect, useGoogleIntegrationStatus } from "@/hooks/useGoogleIntegration";
import { canReadMail, importProgress, mailRefused, readConnection } from "@/lib/connection";
import { count, plural, roughly } from "@/lib/format";
import { explain } from "@/lib/problem";
import { read, write } from "@/lib/remember";
import { repairServices } from "@/lib/scopes";
import type { GoogleStatus, Visibility } from "@/lib/types";
import { AmountSelect, VisibilityChoice } from "@/ui/ImportChoices";
import { Card, Page, Row, Section, Waiting } from "@/ui/kit";
import { Outcome, outcomeText } from "@/ui/Outcome";
import classes from "./ConnectPage.module.css";
import { NotSetUp } from "./NotSetUp";
import { useWishes } from "./useWishes";
import { Stuck, Waits, waitingFor } from "./Waits";

/** The first step of a new member, and a page of its own. */
export function ConnectPage() {
  const { workspace } = useSession();
  const { google, reason } = useSearch({ from: "/crm/onboarding/connect" });
  const { status, isLoading } = useGoogleIntegrationStatus(workspace.id);
  const reading = status && readConnection(status);
  const approval = useApproval(workspace.id);
  const arrived = status !== undefined && canReadMail(status) && reading?.action !== "reconnect";
  return (
    <Page title="Connect Google">
      {isLoading || !status || (!arrived && approval.isPending) ? (
        <Waiting label="Loading the state of the connection" />
      ) : arrived ? (
        <Arrived workspaceId={workspace.id} status={status} />
      ) : approval.data?.client.source === "none" ? (
        <NotSetUp approval={approval.data} />
      ) : (
        <Ask workspaceId={workspace.id} status={status} outcome={google} reason={reason} />
      )}
    </Page>
  );
}

const benefits = [
  {
    icon: Search,
    title: "Found in an instant",
    text: "The messages you choose below and their files, the newest first. New mail appears by itself.",
  },
  {
    icon: Zap,
    title: "Nothing missing",
    text: "Rapport compares its count with Gmail's and tells you. What could not be read stands in a list.",
  },
  {
    icon: Lock,
    title: "Yours",
    text: "It runs on your own server. Google's keys are stored encrypted and never leave it.",
  },
];

interface AskProps {
  workspaceId: string;
  status: GoogleStatus;
  outcome?: string;
  reason?: string;
}

function Ask({ workspaceId, status, outcome, reason }: AskProps) {
  const { connect, isConnecting, error } = useGoogleIntegrationConnect(workspaceId);
  const [wishes, setWishes] = useState(() => keptWishes(status));
  const waits = waitingFor(status);
  const ended = outcomeText(outcome ?? (status.status === "degraded" ? "degraded" : ""), status, reason);
  const go = () => {
    write("connect.wishes", wishes, () => sessionStorage);
    const services = status.status === "degraded" ? repairServices(status.missing_scopes) : (["gmail"] as const);
    void connect([...services], {
      connectionId: status.connection_id || undefined,
      returnTo: paths.connect,
    }).catch(() => undefined);
  };
  return (
    <>
      {waits ? (
        <Waits workspaceId={workspaceId} status={status} waits={waits} onTry={go} trying={isConnecting} />
      ) : (
        ended && (
          <Outcome
            outcome={ended}
            action={
              ended.again && (
                <Button variant="filled" loading={isConnecting} onClick={go}>
                  {ended.again}
                </Button>
              )
            }
          />
        )
      )}
      {!mailRefused(status) && <Pitch />}
      {!waits && (
        <>
          <Choices wishes={wishes} onChange={setWishes} />
          <Domains workspaceId={workspaceId} />
          <div className={classes.foot}>
            {!mailRefused(status) && (
              <Button variant={ended?.again ? "default" : "filled"} size="md" loading={isConnecting} onClick={go}>
                Connect with Google
              </Button>
            )}
            <Button component={Link} to={paths.home} variant="subtle" size="md">
              Not now
            </Button>
            {error && (
              <p className={classes.error} role="alert">
                {explain(error).message}
              </p>
            )}
          </div>
          <Stuck workspaceId={workspaceId} />
        </>
      )}
      <p className={classes.fine}>
        <ShieldCheck size={14} /> Rapport never sends, changes or deletes anything in Gmail by itself.
      </p>
    </>
  );
}

function Pitch() {
  return (
    <>
      <h2 className={classes.title}>Bring your mail into the CRM</h2>
      <p className={classes.lead}>
        You sign in at Google and choose what Rapport may see. You can undo it here or at Google at any time.
      </p>
      <ul className={classes.benefits}>
        {benefits.map(({ icon: Icon, title, text }) => (
          <li key={title}>
            <Icon size={18} strokeWidth={1.75} />
            <h3>{title}</h3>
            <p>{text}</p>
          </li>
        ))}
      </ul>
    </>
  );
}

/** Which accounts the workspace takes, before somebody chooses the wrong one at Google. */
function Domains({ workspaceId }: { workspaceId: string }) {
  const domains = useApproval(workspaceId).data?.allowed_domains ?? [];
  if (domains.length === 0) return null;
  return (
    <p className={classes.fine}>
      <AtSign size={14} /> Choose an account of {new Intl.ListFormat("en", { type: "disjunction" }).format(domains)} at
      Google; others are not taken.
    </p>
  );
}

function Choices({ wishes, onChange }: { wishes: Wishes; onChange: (wishes: Wishes) => void }) {
  return (
    <>
      <Section title="What is imported">
        <Card>
          <Row title="Gmail" note="Messages in your inbox and those you sent. Spam, drafts and the bin never.">
            <AmountSelect
              label="How much mail"
              value={wishes.limit}
              onChange={(limit) => onChange({ ...wishes, limit })}
            />
          </Row>
        </Card>
        <p className={classes.fine}>
          The newest messages are here within seconds; you can read while the rest follows.{" "}
          {wishes.limit > 0
            ? `Where Google allows five messages a second, as for new installations, ${count(wishes.limit)} take ${roughly(wishes.limit / 5)}.`
            : "A large mailbox takes hours."}
        </p>
      </Section>
      <Section title="Who sees your mail" note="You can change this at any time.">
        <VisibilityChoice value={wishes.visibility} onChange={(visibility) => onChange({ ...wishes, visibility })} />
      </Section>
    </>
  );
}

export interface Wishes {
  limit: number;
  visibility: Visibility;
}

function keptWishes(status: GoogleStatus): Wishes {
  const { limit, visibility } = status.settings;
  return read<Wishes>("connect.wishes", { limit, visibility }, () => sessionStorage);
}

/** Back from Google: what was chosen before is applied, and the import is watched. */
function Arrived({ workspaceId, status }: { workspaceId: string; status: GoogleStatus }) {
  const navigate = useNavigate();
  const { error } = useWishes(workspaceId, status);
  const { connect, isConnecting } = useGoogleIntegrationConnect(workspaceId);
  const degraded = status.status === "degraded" ? outcomeText("degraded", status) : undefined;
  const progress = importProgress(status);
  const share = progress && progress.total > 0 ? (100 * progress.done) / progress.total : undefined;
  const { messages } = status.counts;
  const finished = !progress && status.streams.some((s) => s.stream === "gmail.backfill" && s.state === "done");
  useEffect(() => {
    void navigate({ to: paths.connect, search: {}, replace: true });
  }, [navigate]);
  return (
    <div className={classes.arrived}>
      {degraded && (
        <Outcome
          outcome={degraded}
          action={
            <Button
              variant="filled"
              loading={isConnecting}
              onClick={() =>
                void connect(repairServices(status.missing_scopes), {
                  connectionId: status.connection_id,
                  returnTo: paths.connect,
                }).catch(() => undefined)
              }
            >
              {degraded.again}
            </Button>
          }
        />
      )}
      <h2 className={classes.title}>You are connected</h2>
      <p className={classes.lead}>
        As <strong>{status.google_email}</strong>.{" "}
        {progress
          ? "The newest mail is there already. You can start to read; the rest follows in the background."
          : finished
            ? `${plural(messages, "message")} are here.`
            : "The import starts in a moment."}
      </p>
      <Card className={classes.progress}>
        <div className={classes.counts}>
          <span className={classes.big}>{count(progress?.done ?? messages)}</span>
          <span>{progress && progress.total > 0 ? `of ${plural(progress.total, "message")}` : "messages"}</span>
          <span className={classes.left}>
            {progress && progress.eta_seconds > 0 && `${roughly(progress.eta_seconds)} left`}
            {finished && "Finished"}
          </span>
        </div>
        <Progress value={share ?? (finished ? 100 : 2)} size={6} aria-label="Import of your mail" />
      </Card>
      {error && (
        <p className={classes.error} role="alert">
          Your choices could not be saved: {explain(error).message} You find them in the settings.
        </p>
      )}
      <div className={classes.foot}>
        <Button component={Link} to={paths.inbox} variant="filled" size="md">
          Open the inbox
        </Button>
        <Button component={Link} to={paths.integrations} variant="subtle" size="md">
          Change what is imported
        </Button>
      </div>
    </div>
  );
}
