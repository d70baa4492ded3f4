import { Button, NumberInput, Switch, TagsInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useSession } from "@/app/session";
import { useAct } from "@/hooks/useAct";
import { plural } from "@/lib/format";
import type { MailPolicy, MailPolicyPatch } from "@/lib/generated/api";
import { keys } from "@/lib/keys";
import { mailRulesApi } from "@/lib/mailApi";
import { Problem } from "@/lib/problem";
import { Confirm } from "@/ui/Confirm";
import { Bones, Card, Failed, Page, Row, Section } from "@/ui/kit";
import { MailRules } from "@/ui/MailRules";
import classes from "./admin.module.css";

export function MailPage() {
  const { workspace } = useSession();
  const policy = useQuery({
    queryKey: keys.mailPolicy(workspace.id),
    queryFn: ({ signal }) => mailRulesApi.policy(workspace.id, signal),
  });
  return (
    <Page title="Mail" lead="What the workspace stores of its members' mail. Gmail itself stays as it is.">
      <Section
        title="Left out and protected"
        note="Addresses and domains, for every mailbox. Also holds for mail that is here already."
      >
        <MailRules workspaceId={workspace.id} scope="workspace" />
      </Section>
      {policy.isPending ? (
        <Card>
          <Bones rows={4} height={52} />
        </Card>
      ) : !policy.data ? (
        <Failed error={policy.error} retry={policy.refetch} title="The rules for mail could not be loaded" />
      ) : (
        <>
          <Internal workspaceId={workspace.id} policy={policy.data} />
          <Retention workspaceId={workspace.id} policy={policy.data} key={JSON.stringify(policy.data)} />
        </>
      )}
    </Page>
  );
}

function useChange(workspaceId: string) {
  return useAct<MailPolicyPatch, MailPolicy>({
    run: (change) => mailRulesApi.change(workspaceId, change),
    stale: [keys.mailPolicy(workspaceId), keys.mail.all(workspaceId)],
    failed: "The rule was not changed",
  });
}

function Internal({ workspaceId, policy }: { workspaceId: string; policy: MailPolicy }) {
  const change = useChange(workspaceId);
  const fields = change.error instanceof Problem ? change.error.fields : {};
  const domains = change.isPending ? (change.variables.own_domains ?? policy.own_domains) : policy.own_domains;
  return (
    <Section title="Mail among colleagues">
      <Card>
        <Row
          title="Store it"
          note="Mail whose addresses all belong to your own domains. Most teams keep it out of the CRM."
          htmlFor="store-internal"
        >
          <Switch
            id="store-internal"
            checked={policy.store_internal}
            disabled={change.isPending}
            onChange={(event) => change.mutate({ store_internal: event.currentTarget.checked })}
          />
        </Row>
        <Row
          title="Your own domains"
          note={
            policy.domains_chosen
              ? "As chosen here; nothing is added by itself."
              : "Come by themselves: from the addresses that owners and administrators sign in with, and from the domains the approval allows. Whoever becomes an administrator brings theirs along. Take away what is not yours: the list then stays as you chose it, and mail that was left out for it is fetched."
          }
        >
          <TagsInput
            aria-label="Your own domains"
            w={{ base: 280, sm: 320 }}
            placeholder={domains.length === 0 ? "northwind.example" : undefined}
            value={domains}
            error={fields.own_domains}
            onChange={(own_domains) => change.mutate({ own_domains })}
          />
        </Row>
        {policy.domains_chosen && (
          <Row
            title="Go by addresses again"
            note="The list follows owners, administrators and the approval, as at first."
          >
            <Button disabled={change.isPending} onClick={() => change.mutate({ own_domains: [] })}>
              Follow them
            </Button>
          </Row>
        )}
      </Card>
    </Section>
  );
}

/** What a change of retention does, one sentence each. */
export function retentionConsequences(before: MailPolicy, after: { rows: number; texts: number }): string[] {
  const out: string[] = [];
  const shorter = (was: number, is: number) => is > 0 && (was === 0 || is < was);
  if (shorter(before.retention_days, after.rows)) {
    out.push(
      `Messages older than ${plural(after.rows, "day")} are deleted from Rapport within the day. Gmail keeps them.`,
    );
  } else if (after.rows !== before.retention_days) {
    out.push("Messages that were left out for their age are fetched again.");
  }
  if (shorter(before.body_retention_days, after.texts)) {
    out.push(
      `Of messages older than ${plural(after.texts, "day")} the text is deleted; who wrote to whom, when and under which subject stays.`,
    );
  } else if (after.texts !== before.body_retention_days) {
    out.push("Texts that are gone do not come back by themselves; new ones are kept longer.");
  }
  return out;
}

function Retention({ workspaceId, policy }: { workspaceId: string; policy: MailPolicy }) {
  const [rows, setRows] = useState(policy.retention_days);
  const [texts, setTexts] = useState(policy.body_retention_days);
  const [asking, setAsking] = useState(false);
  const change = useChange(workspaceId);
  const consequences = retentionConsequences(policy, { rows, texts });
  const days = (label: string, value: number, set: (n: number) => void) => (
    <NumberInput
      aria-label={label}
      w={140}
      min={0}
      max={36_500}
      allowDecimal={false}
      suffix={value === 1 ? " day" : " days"}
      value={value || ""}
      placeholder="for ever"
      onChange={(n) => set(Number(n) || 0)}
    />
  );
  return (
    <Section title="How long mail is kept" note="In days. Empty keeps it for ever.">
      <Card>
        <Row title="Messages" note="Older ones are deleted here, with their files.">
          {days("Messages are kept for", rows, setRows)}
        </Row>
        <Row title="Texts" note="Of older messages only the header stays.">
          {days("Texts are kept for", texts, setTexts)}
        </Row>
        {consequences.length > 0 && (
          <div className={classes.acts}>
            <Button
              variant="subtle"
              onClick={() => {
                setRows(policy.retention_days);
                setTexts(policy.body_retention_days);
              }}
            >
              Cancel
            </Button>
            <Button variant="filled" onClick={() => setAsking(true)}>
              Save
            </Button>
          </div>
        )}
      </Card>
      {asking && (
        <Confirm
          title="Change how long mail is kept"
          verb="Change it"
          danger
          consequences={consequences}
          pending={change.isPending}
          error={change.error}
          onConfirm={() =>
            change.mutate({ retention_days: rows, body_retention_days: texts }, { onSuccess: () => setAsking(false) })
          }
          onClose={() => setAsking(false)}
        />
      )}
    </Section>
  );
}
