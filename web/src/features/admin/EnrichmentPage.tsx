import { Button, PasswordInput, Select, Switch, TextInput } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { paths } from "@/app/paths";
import { useSession } from "@/app/session";
import { useAct } from "@/hooks/useAct";
import { type Enrichment, type EnrichmentPatch, enrichmentApi } from "@/lib/recordMail";
import { recordKeys } from "@/lib/records";
import { ChoiceCards } from "@/ui/Choice";
import { Bones, Card, Failed, Page, Pill, Row, Section } from "@/ui/kit";
import classes from "./objects.module.css";

const modes = [
  {
    value: "rules" as const,
    title: "Rules",
    detail: "Reads signatures on this server. Works offline, and no text leaves the machine.",
  },
  {
    value: "model" as const,
    title: "Model",
    detail:
      "Sends the end of a message, without e-mail addresses, to the model below. A value that does not stand in it is dropped.",
  },
  {
    value: "both" as const,
    title: "Both",
    detail: "Rules and the model read each message. What both see is surer.",
  },
];

/** How details are found in mail, and where its text goes for that. */
export function EnrichmentPage() {
  const { workspace } = useSession();
  const client = useQueryClient();
  const queryKey = recordKeys.enrichment(workspace.id);
  const query = useQuery({ queryKey, queryFn: ({ signal }) => enrichmentApi.get(workspace.id, signal) });
  const change = useAct<EnrichmentPatch, Enrichment>({
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
            note={
              e.installed
                ? "The model is that of whoever runs Rapport. Choose another for this workspace."
                : "Works with OpenAI and what speaks like it, Ollama, Anthropic and Gemini."
            }
          >
            {e.trouble && (
              <p className={classes.trouble} role="status">
                The model cannot be used: {e.trouble} Rules go on meanwhile.
              </p>
            )}
            <Card>
              <Row
                title="A model may read mail"
                htmlFor="model-allowed"
                note="Read above where text goes. Besides this, each person decides for their own mailbox."
              >
                <Switch
                  id="model-allowed"
                  checked={e.allowed}
                  disabled={change.isPending || (!e.model && !e.allowed)}
                  onChange={(event) => change.mutate({ allowed: event.currentTarget.checked })}
                />
              </Row>
              <ModelForm
                key={`${e.provider}${e.model}${e.base_url}`}
                of={e}
                pending={change.isPending}
                onSave={(p) => change.mutate(p)}
              />
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

const providers = [
  { value: "", label: "None" },
  { value: "openai", label: "OpenAI, or what speaks like it" },
  { value: "ollama", label: "Ollama" },
  { value: "anthropic", label: "Anthropic" },
  { value: "gemini", label: "Gemini" },
];

function ModelForm({
  of,
  pending,
  onSave,
}: {
  of: Enrichment;
  pending: boolean;
  onSave: (patch: EnrichmentPatch) => void;
}) {
  const [provider, setProvider] = useState(of.installed ? "" : of.provider);
  const [model, setModel] = useState(of.installed ? "" : of.model);
  const [address, setAddress] = useState(of.installed ? "" : of.base_url);
  const [key, setKey] = useState("");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onSave({ provider, model: model.trim(), base_url: address.trim(), ...(key ? { key } : {}) });
  };
  return (
    <form className={classes.model} onSubmit={submit}>
      <Select
        label="Provider"
        data={
          of.installed
            ? [{ value: "", label: `As installed: ${of.provider}, ${of.model}` }, ...providers.slice(1)]
            : providers
        }
        value={provider}
        onChange={(v) => setProvider(v ?? "")}
      />
      {provider && (
        <>
          <TextInput
            label="Model"
            required
            withAsterisk={false}
            value={model}
            onChange={(event) => setModel(event.currentTarget.value)}
          />
          <TextInput
            label="Address"
            placeholder="The provider's own"
            value={address}
            onChange={(event) => setAddress(event.currentTarget.value)}
          />
          <PasswordInput
            label="Key"
            placeholder={of.has_key && !of.installed ? "Set. Write another to replace it" : ""}
            autoComplete="off"
            value={key}
            onChange={(event) => setKey(event.currentTarget.value)}
          />
        </>
      )}
      <p className={classes.fine}>Another provider or address asks for key and permission anew.</p>
      <Button type="submit" size="xs" loading={pending}>
        Save the model
      </Button>
    </form>
  );
}
