/** Addresses whose mail is not kept, or is its owner's alone: a list, and a line to add to it. */
import { ActionIcon, Button, Select, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { X } from "lucide-react";
import { type FormEvent, useState } from "react";
import { useAct } from "@/hooks/useAct";
import { plural } from "@/lib/format";
import type { CreatedMailRule, MailRule, NewMailRuleKind } from "@/lib/generated/api";
import { keys } from "@/lib/keys";
import { mailRulesApi } from "@/lib/mailApi";
import { explain, Problem } from "@/lib/problem";
import { Bones, Card, Failed } from "./kit";
import classes from "./MailRules.module.css";
import { say } from "./toast";

type Scope = "workspace" | "mine";

const kinds: { value: NewMailRuleKind; label: string }[] = [
  { value: "blocked", label: "Do not store" },
  { value: "protected", label: "Keep to the owner" },
];

export function useMailRules(workspaceId: string) {
  return useQuery({
    queryKey: keys.mailRules(workspaceId),
    queryFn: ({ signal }) => mailRulesApi.list(workspaceId, signal),
  });
}

/** Said when a rule was added, with what it means for mail that is here already. */
export function ruleAdded({ kind, pattern, affects }: CreatedMailRule): string {
  const whom = pattern.replace(/^@/, "");
  if (kind === "protected") {
    return affects === 0
      ? `Mail with ${whom} will be seen by its owner alone.`
      : `${plural(affects, "message")} with ${whom} ${affects === 1 ? "is" : "are"} now seen by the owner alone.`;
  }
  return affects === 0
    ? `Mail with ${whom} will not be stored.`
    : `${plural(affects, "message")} with ${whom} ${affects === 1 ? "is" : "are"} being removed from Rapport. Gmail keeps them.`;
}

const stale = (w: string) => [keys.mailRules(w), keys.mail.all(w), keys.google.all(w)];

const useDrop = (workspaceId: string) =>
  useAct<MailRule, unknown>({
    run: (rule) => mailRulesApi.drop(workspaceId, rule.id),
    stale: stale(workspaceId),
    failed: "The rule was not removed",
    done: (_, rule) =>
      rule.kind === "blocked"
        ? "Removed. What it kept out is fetched again."
        : "Removed. The mailbox's own choice holds again.",
  });

export function MailRules({ workspaceId, scope }: { workspaceId: string; scope: Scope }) {
  const rules = useMailRules(workspaceId);
  return (
    <Card>
      <NewRule workspaceId={workspaceId} scope={scope} />
      {rules.isPending ? (
        <Bones rows={2} height={44} />
      ) : !rules.data ? (
        <Failed error={rules.error} retry={rules.refetch} title="The rules could not be loaded" />
      ) : (
        <Rules workspaceId={workspaceId} scope={scope} of={rules.data.items} />
      )}
    </Card>
  );
}

function NewRule({ workspaceId, scope }: { workspaceId: string; scope: Scope }) {
  const [pattern, setPattern] = useState("");
  const [kind, setKind] = useState<NewMailRuleKind>("blocked");
  const drop = useDrop(workspaceId);
  const add = useAct({
    run: () => mailRulesApi.add(workspaceId, { kind, pattern: pattern.trim(), scope }),
    stale: stale(workspaceId),
    onDone: (rule: CreatedMailRule) => {
      setPattern("");
      const removes = rule.kind === "blocked" && rule.affects > 0;
      say({
        id: `rule ${rule.id}`,
        text: ruleAdded(rule),
        ms: removes ? 15_000 : undefined,
        actions: removes ? [{ label: "Undo", run: () => drop.mutate(rule) }] : [],
      });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (pattern.trim()) add.mutate();
  };
  const wrong = add.error instanceof Problem ? (add.error.fields.pattern ?? add.error.message) : add.error;
  return (
    <form className={classes.add} onSubmit={submit}>
      <TextInput
        className={classes.pattern}
        aria-label="Address or domain"
        placeholder="ann@shop.example or shop.example"
        value={pattern}
        error={wrong ? (typeof wrong === "string" ? explain(add.error).message : explain(wrong).message) : undefined}
        onChange={(event) => {
          setPattern(event.currentTarget.value);
          if (add.error) add.reset();
        }}
      />
      <Select
        aria-label="What happens to its mail"
        w={170}
        data={kinds}
        value={kind}
        allowDeselect={false}
        onChange={(value) => setKind(value === "protected" ? "protected" : "blocked")}
      />
      <Button type="submit" disabled={!pattern.trim()} loading={add.isPending}>
        Add
      </Button>
    </form>
  );
}

function Rules({ workspaceId, scope, of }: { workspaceId: string; scope: Scope; of: MailRule[] }) {
  const drop = useDrop(workspaceId);
  const shown = scope === "workspace" ? of.filter((r) => r.scope === "workspace") : of;
  if (shown.length === 0) {
    return <p className={classes.none}>No address is left out or protected.</p>;
  }
  return (
    <ul className={classes.list} aria-label="Rules for mail">
      {shown.map((rule) => (
        <li key={rule.id}>
          <span className={classes.who}>{rule.pattern.replace(/^@/, "everybody at ")}</span>
          <span className={classes.what}>
            {rule.kind === "blocked" ? "not stored" : "owner only"}
            {scope === "mine" && rule.scope === "workspace" && ", for everybody"}
          </span>
          {scope === rule.scope ? (
            <ActionIcon
              aria-label={`Remove the rule about ${rule.pattern.replace(/^@/, "")}`}
              loading={drop.isPending && drop.variables?.id === rule.id}
              onClick={() => drop.mutate(rule)}
            >
              <X size={14} />
            </ActionIcon>
          ) : (
            <span className={classes.what}>by an administrator</span>
          )}
        </li>
      ))}
    </ul>
  );
}
