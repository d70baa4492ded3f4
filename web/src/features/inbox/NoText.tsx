import { useWorkspaceId } from "@/app/session";
import { useGoogleIntegrationStatus } from "@/hooks/useGoogleIntegration";
import { headersOnly } from "@/lib/connection";
import type { Email } from "@/lib/types";
import classes from "./Message.module.css";

/** Stands for a text that is not here, and says why. */
export function NoText({ email }: { email: Email }) {
  const { status } = useGoogleIntegrationStatus(useWorkspaceId(), email.connection_id);
  return (
    <p className={classes.hidden}>
      {status && headersOnly(status)
        ? "Not available with the metadata permission: Google gives Rapport headers and labels of this mailbox, no texts and no files."
        : "This message has no text."}
    </p>
  );
}
