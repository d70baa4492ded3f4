import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { Webhook } from "lucide-react";
import { paths } from "@/app/paths";
import { isAdmin, useSession } from "@/app/session";
import { useWebhookCare } from "@/hooks/useWebhookCare";
import { plural } from "@/lib/format";
import classes from "./GoogleIntegrationBanner.module.css";

/** For administrators: programs that are told nothing any more, or soon nothing. Not there while all is well. */
export function WebhookNotice() {
  const { workspace } = useSession();
  const hooks = useWebhookCare(workspace.id, isAdmin(workspace));
  if (hooks.length === 0) return null;
  const off = hooks.filter((h) => h.state === "disabled").length;
  return (
    <section className={classes.banner} data-tone={off > 0 ? "bad" : "warn"} aria-label="Webhooks">
      <span className={classes.icon}>
        <Webhook size={18} />
      </span>
      <div className={classes.text}>
        <h2>
          {off > 0
            ? `${plural(off, "webhook was", "webhooks were")} disabled`
            : `${plural(hooks.length, "webhook fails", "webhooks fail")}`}
        </h2>
        <p>
          {off > 0
            ? "Its receiver did not answer for three days. What waits is sent once you enable it again."
            : "Its receiver does not answer. It is tried again for three days, then the webhook is disabled."}
        </p>
      </div>
      <Button component={Link} to={paths.adminWebhooks}>
        Open the webhooks
      </Button>
    </section>
  );
}
