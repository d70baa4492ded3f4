import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { KeyRound } from "lucide-react";
import { paths } from "@/app/paths";
import { isAdmin, useSession } from "@/app/session";
import type { Approval } from "@/lib/types";
import { ClientAddresses } from "@/ui/ClientAddresses";
import { Panel } from "./Panel";
import classes from "./Waits.module.css";

/** There is no OAuth client yet: nobody can connect, so nothing is offered that would fail. */
export function NotSetUp({ approval }: { approval: Approval }) {
  const { workspace } = useSession();
  if (!isAdmin(workspace)) {
    return (
      <Panel tone="warn" icon={<KeyRound size={18} />} title="An administrator has to set up Google first">
        <p>
          An owner or administrator of {workspace.name} does it once, for everybody. After that you connect here with
          one click.
        </p>
        <Button component={Link} to={paths.members} className={classes.act}>
          See who they are
        </Button>
      </Panel>
    );
  }
  return (
    <Panel tone="warn" icon={<KeyRound size={18} />} title="Google is not set up yet">
      <p>Nobody can connect before Rapport has an OAuth client of Google. You do this once:</p>
      <ol className={classes.todo}>
        <li>
          In{" "}
          <a href="https://console.cloud.google.com/auth/clients" target="_blank" rel="noreferrer">
            Google Cloud, under Clients
          </a>
          , create a client of the type “Web application”.
        </li>
        <li>Give it the addresses below, to the letter.</li>
        <li>Enter its client id and its secret here.</li>
      </ol>
      <div className={classes.carry}>
        <ClientAddresses {...approval} />
      </div>
      <p className={classes.guide}>
        Every step, with the APIs to switch on, is in the guide <code>docs/guides/google-cloud-setup.md</code>.
      </p>
      <div className={classes.acts}>
        <Button component={Link} to={paths.adminGoogle} variant="filled">
          Add Google credentials
        </Button>
        <Button component={Link} to={paths.home}>
          Not now
        </Button>
      </div>
    </Panel>
  );
}
