import { Button } from "@mantine/core";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { paths } from "@/app/paths";
import { useWorkspaceId } from "@/app/session";
import { useGoogleIntegrationConnect, useGoogleIntegrationStatus } from "@/hooks/useGoogleIntegration";
import { readConnection } from "@/lib/connection";
import { repairServices } from "@/lib/scopes";
import { Bones, Card, Empty, Failed, Page, Section } from "@/ui/kit";
import { MailRules } from "@/ui/MailRules";
import { Outcome, outcomeText } from "@/ui/Outcome";
import { AccountCard } from "./AccountCard";
import { CompletenessSection } from "./CompletenessSection";
import { EndSection } from "./EndSection";
import { GmailSection } from "./GmailSection";
import { FailuresSection, RunsSection } from "./HistorySections";
import { NewsSection } from "./NewsSection";
import { PermissionsSection } from "./PermissionsSection";
import { RecordsSection } from "./RecordsSection";

export function IntegrationsPage() {
  const workspaceId = useWorkspaceId();
  const [chosen, setChosen] = useState<string>();
  const { status, isLoading, error, refresh } = useGoogleIntegrationStatus(workspaceId, chosen);
  return (
    <Page title="Integrations">
      <ConsentOutcome workspaceId={workspaceId} />
      {isLoading ? (
        <Card>
          <Bones rows={4} height={64} />
        </Card>
      ) : !status ? (
        <Failed error={error} retry={refresh} title="The state of the connection could not be loaded" />
      ) : status.status === "none" ? (
        <NotConnected text={readConnection(status)} />
      ) : (
        <>
          <AccountCard workspaceId={workspaceId} status={status} onChoose={setChosen} />
          {status.status !== "disconnected" && (
            <>
              <GmailSection key={status.connection_id} workspaceId={workspaceId} status={status} />
              <NewsSection status={status} />
              <RecordsSection workspaceId={workspaceId} status={status} />
              <Section
                title="Left out and protected"
                note="Addresses and domains, for your own mailboxes. Also holds for mail that is here already."
              >
                <MailRules workspaceId={workspaceId} scope="mine" />
              </Section>
              <FailuresSection workspaceId={workspaceId} status={status} />
              <CompletenessSection workspaceId={workspaceId} status={status} />
              <PermissionsSection workspaceId={workspaceId} status={status} />
            </>
          )}
          <RunsSection workspaceId={workspaceId} status={status} />
          <EndSection workspaceId={workspaceId} status={status} />
        </>
      )}
    </Page>
  );
}

function NotConnected({ text }: { text: { title: string; detail: string; action?: string } }) {
  return (
    <Card>
      <Empty
        title={text.title}
        action={
          <Button component={Link} to={paths.connect} variant={text.action === "connect" ? "filled" : "default"}>
            {text.action === "connect" ? "Connect Google" : "See what is missing"}
          </Button>
        }
      >
        {text.detail}
      </Empty>
    </Card>
  );
}

/** Says how the visit to Google ended, when one just did. */
function ConsentOutcome({ workspaceId }: { workspaceId: string }) {
  const { google, reason, reference } = useSearch({ from: "/crm/settings/integrations" });
  const navigate = useNavigate();
  const { status } = useGoogleIntegrationStatus(workspaceId);
  const { connect, isConnecting } = useGoogleIntegrationConnect(workspaceId);
  const outcome = google ? outcomeText(google, status, reason) : undefined;
  if (!outcome) return null;
  const again = () =>
    void connect(google === "degraded" && status ? repairServices(status.missing_scopes) : ["gmail"], {
      connectionId: status?.connection_id || undefined,
    }).catch(() => undefined);
  return (
    <Outcome
      outcome={outcome}
      reference={reference}
      onClose={() => void navigate({ to: paths.integrations, search: {}, replace: true })}
      action={
        outcome.again && (
          <Button variant={outcome.tone === "ok" ? "default" : "filled"} loading={isConnecting} onClick={again}>
            {outcome.again}
          </Button>
        )
      }
    />
  );
}
