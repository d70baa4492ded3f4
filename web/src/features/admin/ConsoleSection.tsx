import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { ChevronRight, ExternalLink } from "lucide-react";
import { paths } from "@/app/paths";
import { useSession } from "@/app/session";
import { adminMessage, steps } from "@/lib/approval";
import type { Approval } from "@/lib/types";
import { ClientAddresses } from "@/ui/ClientAddresses";
import { CopyLine, CopyList, CopyWords } from "@/ui/Copy";
import { Card, Empty, Section } from "@/ui/kit";
import classes from "./admin.module.css";

/** What has to be carried into Google's own consoles, ready to copy. */
export function ConsoleSection({ approval }: { approval: Approval }) {
  const { workspace } = useSession();
  if (approval.client.source === "none") {
    return (
      <Section title="Allow it at Google">
        <Card>
          <Empty
            title="No Google credentials yet"
            action={
              <Button component={Link} to={paths.adminGoogle} variant="filled">
                Add Google credentials
              </Button>
            }
          >
            Rapport needs an OAuth client of Google before anybody can connect.
          </Empty>
        </Card>
      </Section>
    );
  }
  return (
    <Section
      title="Allow it at Google"
      note="Where your Google Workspace restricts apps, its administrator allows Rapport once."
      aside={<CopyWords text={adminMessage(approval, workspace.name)}>Copy as a message</CopyWords>}
    >
      <Card className={classes.console}>
        <div className={classes.step}>
          <p className={classes.stepTitle}>1. Open this page in Google's Admin console</p>
          <Trail path={approval.admin_console_path} url={approval.admin_console_url} />
        </div>
        <div className={classes.step}>
          <p className={classes.stepTitle}>2. Choose “Configure new app” and search for this client id</p>
          <CopyLine text={approval.client.google_client_id} what="the OAuth client id" />
        </div>
        <div className={classes.step}>
          <p className={classes.stepTitle}>3. Allow it: “Trusted”, or “Specific Google data” with these scopes</p>
          <CopyList items={approval.scopes} what="scopes" label="Scopes" />
        </div>
        <div className={classes.step}>
          <p className={classes.stepTitle}>In Google Cloud, the OAuth client has to list these addresses</p>
          <ClientAddresses {...approval} />
        </div>
      </Card>
    </Section>
  );
}

/** A path of pages as breadcrumbs, with the way there. */
export function Trail({ path, url }: { path: string; url: string }) {
  return (
    <div className={classes.trail}>
      <ol aria-label="Path in the console">
        {steps(path).map((step, i) => (
          <li key={step}>
            {i > 0 && <ChevronRight size={13} aria-hidden="true" />}
            {step}
          </li>
        ))}
      </ol>
      {url && (
        <Button
          component="a"
          size="xs"
          href={url}
          target="_blank"
          rel="noreferrer"
          rightSection={<ExternalLink size={13} />}
        >
          Open
        </Button>
      )}
    </div>
  );
}
