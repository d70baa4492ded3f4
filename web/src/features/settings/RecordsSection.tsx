/** What a connection's mail does in the CRM: of whom it makes people, and what may read their signatures. */
import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { paths } from "@/app/paths";
import { useAct } from "@/hooks/useAct";
import { plural } from "@/lib/format";
import { keys } from "@/lib/keys";
import { enrichmentApi, suggestionsApi } from "@/lib/recordMail";
import { recordKeys } from "@/lib/records";
import type { ConnectionSettings, GoogleStatus } from "@/lib/types";
import { ChoiceCards } from "@/ui/Choice";
import { Card, Row, Section } from "@/ui/kit";
import classes from "./settings.module.css";
import { useChange } from "./useConnection";

const policies: { value: ConnectionSettings["contact_policy"]; title: string; detail: string }[] = [
  { value: "sent", title: "People you wrote to", detail: "A person and their company, once you have written to them." },
  { value: "all", title: "Everybody", detail: "Also who writes to you first. Never of newsletters and machines." },
  { value: "none", title: "Nobody", detail: "Mail is linked to the records that are there, and makes none." },
];

export function RecordsSection({ workspaceId, status }: { workspaceId: string; status: GoogleStatus }) {
  const change = useChange(workspaceId, status.connection_id);
  const enrichment = useQuery({
    queryKey: recordKeys.enrichment(workspaceId),
    queryFn: ({ signal }) => enrichmentApi.get(workspaceId, signal),
  });
  const e = enrichment.data;
  const readings: { value: ConnectionSettings["enrich"]; title: string; detail: string }[] = [
    {
      value: "rules",
      title: "Rules on this server",
      detail: "Finds title, phones, company and address. No text leaves the server.",
    },
    {
      value: "model",
      title: "Rules and a model",
      detail:
        e?.allowed && e.mode !== "rules"
          ? e.statement
          : "As soon as an administrator allows a model. Until then, rules read alone.",
    },
    { value: "off", title: "Nothing", detail: "Signatures in this mailbox are not read." },
  ];
  return (
    <>
      <Section
        title="People made from this mail"
        note="Colleagues, mailing lists, no-reply and blocked addresses never."
      >
        <ChoiceCards
          label="People made from this mail"
          value={status.settings.contact_policy}
          options={policies}
          disabled={change.isPending}
          onChange={(contact_policy) => change.mutate({ contact_policy })}
        />
      </Section>
      <Section
        title="Details from signatures"
        note="They go into the records that the whole workspace sees, with the line only for those who may read the message."
      >
        <ChoiceCards
          label="Details from signatures"
          value={status.settings.enrich}
          options={readings}
          disabled={change.isPending}
          onChange={(enrich) => change.mutate({ enrich })}
        />
        {status.settings.enrich !== "off" && <Past workspaceId={workspaceId} status={status} />}
      </Section>
    </>
  );
}

/** Mail that is here already, and what waits for a decision. */
function Past({ workspaceId, status }: { workspaceId: string; status: GoogleStatus }) {
  const run = useAct({
    run: () => enrichmentApi.run(workspaceId, status.connection_id),
    stale: [keys.google.runs(workspaceId), recordKeys.suggestions(workspaceId)],
    done: () => "Mail that was not read for details yet is read now.",
    failed: "It could not be started",
  });
  const { data } = useQuery({
    queryKey: [...recordKeys.suggestions(workspaceId), "count"],
    queryFn: ({ signal }) => suggestionsApi.list(workspaceId, { state: "suggested", limit: 100 }, undefined, signal),
  });
  const n = data?.total ?? data?.items.length ?? 0;
  return (
    <Card className={classes.past}>
      <Row title="Mail that is here already" note="New mail is read as it comes.">
        <Button loading={run.isPending} onClick={() => run.mutate()}>
          Find details now
        </Button>
      </Row>
      <Row
        title={n === 0 ? "No suggestions" : `${data?.next_cursor ? "More than " : ""}${plural(n, "suggestion")}`}
        note="What is not sure enough, or contradicts what is there, waits for a decision."
      >
        <Link to={paths.suggestions}>Open</Link>
      </Row>
    </Card>
  );
}
