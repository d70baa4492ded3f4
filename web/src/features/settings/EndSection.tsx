import { Button, Modal, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useState } from "react";
import { useGoogleIntegrationConnect } from "@/hooks/useGoogleIntegration";
import { plural } from "@/lib/format";
import { explain } from "@/lib/problem";
import type { GoogleStatus } from "@/lib/types";
import { Card, Row, Section } from "@/ui/kit";
import classes from "./settings.module.css";

type Ending = "disconnect" | "delete";

/** The dangerous things, at the end, each with what exactly will happen. */
export function EndSection({ workspaceId, status }: { workspaceId: string; status: GoogleStatus }) {
  const [asking, setAsking] = useState<Ending>();
  const connected = status.status !== "disconnected";
  const { messages } = status.counts;
  if (!connected && messages === 0) return null;
  return (
    <Section title="Disconnect and delete">
      <Card>
        {connected && (
          <Row
            title="Disconnect"
            note={`Rapport stops reading ${status.google_email}. The ${plural(messages, "message")} already here stay.`}
          >
            <Button data-danger onClick={() => setAsking("disconnect")}>
              Disconnect
            </Button>
          </Row>
        )}
        <Row
          title="Delete the data"
          note={`Removes the ${plural(messages, "message")} from Rapport. Nothing is deleted at Google.`}
        >
          <Button data-danger onClick={() => setAsking("delete")}>
            Delete the data
          </Button>
        </Row>
      </Card>
      {asking && (
        <Ask
          key={asking}
          ending={asking}
          workspaceId={workspaceId}
          status={status}
          onClose={() => setAsking(undefined)}
        />
      )}
    </Section>
  );
}

interface AskProps {
  ending: Ending;
  workspaceId: string;
  status: GoogleStatus;
  onClose: () => void;
}

function Ask({ ending, workspaceId, status, onClose }: AskProps) {
  const { disconnect, isDisconnecting, error } = useGoogleIntegrationConnect(workspaceId);
  const [typed, setTyped] = useState("");
  const deleting = ending === "delete";
  const sure = !deleting || typed.trim().toLowerCase() === status.google_email.toLowerCase();
  const { messages, threads } = status.counts;
  const run = async () => {
    try {
      await disconnect({ deleteData: deleting, connectionId: status.connection_id });
      notifications.show({
        message: deleting ? "Disconnected, and the data is deleted." : "Disconnected. The mail stays.",
      });
      onClose();
    } catch {
      // Shown below the list; the dialog stays open.
    }
  };
  return (
    <Modal
      opened
      onClose={onClose}
      title={deleting ? "Delete the data of this account" : "Disconnect this account"}
      closeButtonProps={{ "aria-label": "Close" }}
    >
      <p className={classes.state}>{status.google_email}</p>
      <ul className={classes.consequences}>
        <li>Rapport stops reading this mailbox and gives back its permission at Google.</li>
        {deleting ? (
          <>
            <li>
              {plural(messages, "message")} in {plural(threads, "conversation")}, their files and their search entries
              are deleted here. This cannot be undone.
            </li>
            <li>Nothing is deleted or changed in Gmail.</li>
          </>
        ) : (
          <>
            <li>{plural(messages, "message")} stay here and can be searched.</li>
            <li>Connect the same account again, and it goes on where it stopped. Nothing is doubled.</li>
          </>
        )}
      </ul>
      {deleting && (
        <TextInput
          label={`Type ${status.google_email} to confirm`}
          value={typed}
          autoComplete="off"
          onChange={(event) => setTyped(event.currentTarget.value)}
        />
      )}
      {error && (
        <p className={classes.bad} role="alert">
          {explain(error).message}
        </p>
      )}
      <div className={classes.dialogFoot}>
        <Button variant="subtle" onClick={onClose}>
          Cancel
        </Button>
        <Button variant="filled" data-danger disabled={!sure} loading={isDisconnecting} onClick={() => void run()}>
          {deleting ? `Delete ${plural(messages, "message")}` : "Disconnect"}
        </Button>
      </div>
    </Modal>
  );
}
