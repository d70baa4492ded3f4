import { Switch } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { paths } from "@/app/paths";
import { useSession } from "@/app/session";
import { useAct } from "@/hooks/useAct";
import { type Enrichment, enrichmentApi } from "@/lib/recordMail";
import { recordKeys } from "@/lib/records";
import { ChoiceCards } from "@/ui/Choice";
import { Bones, Card, Failed, Page, Pill, Row, Section } from "@/ui/kit";

const modes = [
  {
    value: "rules" as const,
    title: "Rules",
    detail: "Reads signatures on this server. Works offline, and no text leaves the machine.",
  },
  {
    value: "model" as const,
    title: "Model",
    detail: "Sends the text of a message to the model below. A value that does not stand in the message is dropped.",
  },
  {
    value: "both" as const,
    title: "Both",
    detail: "Rules first, and the model where they find nothing.",
  },
];

/** How details are found in mail, and where its text goes for that. */
export function EnrichmentPage() {
  const { workspace } = useSession();
  const client = useQueryClient();
  const queryKey = recordKeys.enrichment(workspace.id);
  const query = useQuery({ queryKey, queryFn: ({ signal }) => enrichmentApi.get(workspace.id, signal) });
  const change = useAct<Parameters<typeof enrichmentApi.change>[1], Enrichment>({
    run: (patch) => enrichmentApi.change(workspace.id, patch),
    stale: [queryKey],
    failed: "It is as it was before",
    done: () => "Saved.",
    onDone: (now) => client.setQueryData(queryKey, now),
  });
  const e = query.data;
  return (
    <Page
      title="Enrichment"
      lead="Rapport finds names, titles, phones, companies and addresses in the signatures of mail. What people typed is never overwritten."
    >
      {query.isPending && <Bones rows={4} height={60} />}
      {query.error && !e && (
        <Card>
          <Failed error={query.error} retry={query.refetch} title="The settings could not be loaded" />
        </Card>
      )}
      {e && (
        <>
          <Section title="Where text goes">
            <Card>
              <Row
                title={
                  e.mode === "rules" || !e.allowed
                    ? "No text leaves this server"
                    : `Text goes to ${e.model || "the model"}`
                }
                note={e.statement}
              >
                <Pill tone={e.mode === "rules" || !e.allowed ? "ok" : "warn"}>
                  {e.mode === "rules" || !e.allowed ? "On this server" : "Leaves it"}
                </Pill>
              </Row>
            </Card>
          </Section>
          <Section title="How details are found">
            <ChoiceCards
              label="How details are found"
              value={e.mode}
              options={modes.map((m) => ({ ...m }))}
              disabled={change.isPending}
              onChange={(mode) => change.mutate({ mode })}
            />
          </Section>
          <Section
            title="Model"
            note="Chosen where the program is configured: LLM_PROVIDER, LLM_MODEL, LLM_BASE_URL, LLM_API_KEY."
          >
            <Card>
              <Row title="Provider">{e.provider || "None"}</Row>
              <Row title="Model">{e.model || "None"}</Row>
              {e.base_url && <Row title="Address">{e.base_url}</Row>}
              <Row title="Key">{e.has_key ? "Set" : "None"}</Row>
              <Row
                title="A model may read mail"
                htmlFor="model-allowed"
                note="Besides this, each person decides for their own mailbox."
              >
                <Switch
                  id="model-allowed"
                  checked={e.allowed}
                  disabled={change.isPending}
                  onChange={(event) => change.mutate({ allowed: event.currentTarget.checked })}
                />
              </Row>
            </Card>
          </Section>
          <Section title="Each mailbox">
            <Card>
              <Row
                title="Consent of its owner"
                note="Off, rules only, or rules and model: under Integrations, for each connection."
              >
                <Link to={paths.integrations}>Your integrations</Link>
              </Row>
            </Card>
          </Section>
        </>
      )}
    </Page>
  );
}
