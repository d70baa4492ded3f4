import { Button, Progress } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { CircleAlert, Mail, TriangleAlert } from "lucide-react";
import { paths } from "@/app/paths";
import { useGoogleIntegrationConnect, useGoogleIntegrationStatus } from "@/hooks/useGoogleIntegration";
import { importProgress, type Reading, readConnection } from "@/lib/connection";
import { count, roughly } from "@/lib/format";
import { explain } from "@/lib/problem";
import { repairServices } from "@/lib/scopes";
import type { GoogleStatus } from "@/lib/types";
import classes from "./GoogleIntegrationBanner.module.css";

/** Says what the connection needs: nothing (then it is not there), some patience, or a person. */
export function GoogleIntegrationBanner({ workspaceId }: { workspaceId: string }) {
  const { status } = useGoogleIntegrationStatus(workspaceId);
  if (!status) return null;
  const reading = readConnection(status);
  if (reading.tone === "ok") return null;
  if (reading.tone === "busy") return <Working status={status} reading={reading} />;
  if (reading.action === "connect") return <NotConnected reading={reading} />;
  return <Attention workspaceId={workspaceId} status={status} reading={reading} />;
}

function NotConnected({ reading }: { reading: Reading }) {
  return (
    <section className={classes.banner} aria-label="Google connection">
      <span className={classes.icon}>
        <Mail size={18} />
      </span>
      <div className={classes.text}>
        <h2>{reading.title}</h2>
        <p>{reading.detail}</p>
      </div>
      <Button component={Link} to={paths.connect} variant="filled">
        Connect Google
      </Button>
    </section>
  );
}

function Working({ status, reading }: { status: GoogleStatus; reading: Reading }) {
  const progress = importProgress(status);
  const share = progress && progress.total > 0 ? (100 * progress.done) / progress.total : 0;
  return (
    <section className={classes.banner} data-tone="busy" aria-label="Google connection">
      <div className={classes.text}>
        <div className={classes.working}>
          <h2>{reading.title}</h2>
          {progress && progress.total > 0 && (
            <span>
              {count(progress.done)} of {count(progress.total)}
            </span>
          )}
        </div>
        <Progress value={share} size={5} aria-label="Import of your mail" />
        <p>
          The newest mail is there already; you can read and search it now.
          {progress && progress.eta_seconds > 0 && ` ${sentence(roughly(progress.eta_seconds))} left.`}
        </p>
      </div>
      <Button component={Link} to={paths.inbox}>
        Open the inbox
      </Button>
    </section>
  );
}

const sentence = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);

function Attention({ workspaceId, status, reading }: { workspaceId: string; status: GoogleStatus; reading: Reading }) {
  const { connect, isConnecting, error } = useGoogleIntegrationConnect(workspaceId);
  const again = reading.action === "reconnect" || reading.action === "repair";
  const Icon = reading.tone === "bad" ? CircleAlert : TriangleAlert;
  return (
    <section className={classes.banner} data-tone={reading.tone} aria-label="Google connection">
      <span className={classes.icon}>
        <Icon size={18} />
      </span>
      <div className={classes.text}>
        <h2>{reading.title}</h2>
        <p>{reading.detail}</p>
        {error && (
          <p className={classes.error} role="alert">
            {explain(error).message}
          </p>
        )}
      </div>
      {again ? (
        <Button
          variant="filled"
          loading={isConnecting}
          onClick={() =>
            void connect(reading.action === "repair" ? repairServices(status.missing_scopes) : ["gmail"], {
              connectionId: status.connection_id,
            }).catch(() => undefined)
          }
        >
          {reading.action === "repair" ? "Give the missing permission" : "Reconnect"}
        </Button>
      ) : (
        <Button
          component={Link}
          to={reading.action === "review" || reading.action === "resume" ? paths.integrations : paths.connect}
        >
          {reading.action === "ask"
            ? "Ask for approval"
            : reading.action === "wait" || reading.action === "blocked"
              ? "See what is missing"
              : "Open the settings"}
        </Button>
      )}
    </section>
  );
}
