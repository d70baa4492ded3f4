import { Button, Menu } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { Ellipsis, KeySquare, Plus } from "lucide-react";
import { useState } from "react";
import { paths } from "@/app/paths";
import { useSession } from "@/app/session";
import { useAct } from "@/hooks/useAct";
import { useApproval } from "@/hooks/useApproval";
import { clientsApi } from "@/lib/adminApi";
import { plural } from "@/lib/format";
import { keys } from "@/lib/keys";
import type { GoogleClient } from "@/lib/types";
import { ClientAddresses } from "@/ui/ClientAddresses";
import { Confirm } from "@/ui/Confirm";
import { CopyButton } from "@/ui/Copy";
import { Bones, Card, Empty, Failed, Page, Pill, Section, Time } from "@/ui/kit";
import classes from "./admin.module.css";
import { ClientDialog } from "./ClientDialog";
import { List, Tags } from "./parts";
import { useClients } from "./useAdmin";

type Asking = { what: "add" } | { what: "edit" | "retire"; client: GoogleClient };

export function GooglePage() {
  const { workspace } = useSession();
  const clients = useClients(workspace.id);
  const [asking, setAsking] = useState<Asking>();
  const all = clients.data?.items ?? [];
  const used = all.filter((c) => !c.retired_at);
  const retired = all.filter((c) => c.retired_at);
  const close = () => setAsking(undefined);
  return (
    <Page
      title="Google credentials"
      lead="The OAuth clients that Rapport introduces itself to Google with. A connection keeps the client it was made with; new ones take the one in use."
      aside={
        <Button size="xs" variant="filled" leftSection={<Plus size={14} />} onClick={() => setAsking({ what: "add" })}>
          Add
        </Button>
      }
    >
      <List
        query={clients}
        what="The credentials"
        empty={used.length === 0}
        whenEmpty={
          <Empty
            icon={<KeySquare size={18} />}
            title="No Google credentials yet"
            action={
              <Button variant="filled" onClick={() => setAsking({ what: "add" })}>
                Add Google credentials
              </Button>
            }
          >
            Make an OAuth client of the type “Web application” in Google Cloud, with the addresses below, and enter its
            id and secret here.
          </Empty>
        }
      >
        <Card>
          <ul className={classes.rows}>
            {used.map((client) => (
              <ClientRow key={client.id} client={client} onAsk={setAsking} />
            ))}
          </ul>
        </Card>
      </List>
      <Addresses />
      {retired.length > 0 && (
        <Section title="Retired" note="Kept for the connections that were made with them.">
          <Card>
            <ul className={classes.rows}>
              {retired.map((client) => (
                <ClientRow key={client.id} client={client} />
              ))}
            </ul>
          </Card>
        </Section>
      )}
      {asking?.what === "add" && <ClientDialog onClose={close} />}
      {asking?.what === "edit" && <ClientDialog client={asking.client} onClose={close} />}
      {asking?.what === "retire" && <Retire client={asking.client} onClose={close} />}
    </Page>
  );
}

function ClientRow({ client, onAsk }: { client: GoogleClient; onAsk?: (asking: Asking) => void }) {
  const environment = client.source === "environment";
  return (
    <li>
      <div className={classes.grow}>
        <div className={classes.nameLine}>
          <span className={classes.strong}>{client.name || "Google"}</span>
          {client.current && <Pill tone="ok">In use</Pill>}
          <Tags
            items={[
              environment ? "From the environment" : client.installation ? "Whole installation" : "This workspace",
            ]}
          />
        </div>
        <div className={classes.idLine}>
          <code>{client.google_client_id}</code>
          <CopyButton text={client.google_client_id} what={`the client id of ${client.name || "Google"}`} />
        </div>
        <p className={classes.fine}>
          {plural(client.grants, "permission")} given through it
          {client.updated_at && (
            <>
              {" · "}changed <Time iso={client.updated_at} style="long" />
            </>
          )}
          {environment && " · set by GOOGLE_CLIENT_ID, changed where the program is started"}
        </p>
      </div>
      {onAsk && !environment && (
        <Menu position="bottom-end" width={200}>
          <Menu.Target>
            <Button variant="subtle" px={6} aria-label={`More for ${client.name}`}>
              <Ellipsis size={16} />
            </Button>
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Item onClick={() => onAsk({ what: "edit", client })}>Edit or enter a new secret</Menu.Item>
            <Menu.Item color="var(--bad)" onClick={() => onAsk({ what: "retire", client })}>
              Retire
            </Menu.Item>
          </Menu.Dropdown>
        </Menu>
      )}
    </li>
  );
}

/** What the client at Google has to list. */
function Addresses() {
  const { workspace } = useSession();
  const approval = useApproval(workspace.id);
  return (
    <Section
      title="Addresses to enter at Google"
      note="In Google Cloud under Credentials, in the OAuth client. They have to match to the letter."
      aside={
        <Button component={Link} to={paths.adminSetupCheck}>
          Check the set-up
        </Button>
      }
    >
      <Card className={classes.console}>
        {approval.isPending ? (
          <Bones rows={2} height={40} />
        ) : approval.data ? (
          <ClientAddresses {...approval.data} />
        ) : (
          <Failed error={approval.error} retry={approval.refetch} title="The addresses could not be loaded" />
        )}
      </Card>
    </Section>
  );
}

function Retire({ client, onClose }: { client: GoogleClient; onClose: () => void }) {
  const { workspace } = useSession();
  const retire = useAct({
    run: () => clientsApi.retire(workspace.id, client.id),
    stale: [keys.admin.clients(workspace.id), keys.approval(workspace.id)],
    done: () => `${client.name} is retired.`,
    onDone: onClose,
  });
  return (
    <Confirm
      title={`Retire ${client.name}`}
      verb="Retire"
      danger
      consequences={[
        client.current
          ? "New connections take the next newest credentials, or those of the environment."
          : "It is not in use for new connections already.",
        client.grants === 0
          ? "No connection was made with it."
          : `${plural(client.grants, "permission")} made with it go on working: do not delete the client at Google before they were made anew.`,
        "It cannot be taken into use again; add it once more instead.",
      ]}
      pending={retire.isPending}
      error={retire.error}
      onConfirm={() => retire.mutate()}
      onClose={onClose}
    />
  );
}
