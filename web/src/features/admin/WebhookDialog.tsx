import { Button, Checkbox, Modal, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useSession } from "@/app/session";
import { useAct } from "@/hooks/useAct";
import { Problem } from "@/lib/problem";
import { type CreatedWebhook, everything, type Webhook, webhookKeys, webhooksApi } from "@/lib/webhooks";
import { ChoiceCards } from "@/ui/Choice";
import { DialogFoot, DialogProblem } from "@/ui/Confirm";
import { CopyLine, CopyWords } from "@/ui/Copy";
import classes from "./admin.module.css";
import { Once } from "./parts";

type Audience = Webhook["audience"];

/** Makes a webhook, or changes one. */
export function WebhookDialog({ hook, onClose }: { hook?: Webhook; onClose: () => void }) {
  const [made, setMade] = useState<CreatedWebhook>();
  const title = hook ? "Change the webhook" : "Create a webhook";
  return (
    <Modal
      opened
      size="lg"
      onClose={onClose}
      title={made ? "Copy the secret now" : title}
      closeButtonProps={{ "aria-label": "Close" }}
      closeOnClickOutside={!made}
    >
      {made ? <Secret made={made} onClose={onClose} /> : <Form hook={hook} onMade={setMade} onClose={onClose} />}
    </Modal>
  );
}

function useForm(hook?: Webhook) {
  const [url, setUrl] = useState(hook?.url ?? "");
  const [description, setDescription] = useState(hook?.description ?? "");
  const [events, setEvents] = useState(hook?.events ?? [everything]);
  const [audience, setAudience] = useState<Audience>(hook?.audience ?? "workspace");
  const [body, setBody] = useState(hook?.include_body ?? false);
  return { url, setUrl, description, setDescription, events, setEvents, audience, setAudience, body, setBody };
}

interface FormProps {
  hook?: Webhook;
  onMade: (made: CreatedWebhook) => void;
  onClose: () => void;
}

function Form({ hook, onMade, onClose }: FormProps) {
  const { workspace } = useSession();
  const form = useForm(hook);
  const said = { url: form.url.trim(), description: form.description.trim(), events: form.events };
  const save = useAct<void, CreatedWebhook | Webhook>({
    run: () =>
      hook
        ? webhooksApi.change(workspace.id, hook.id, { ...said, include_body: form.body })
        : webhooksApi.create(workspace.id, { ...said, audience: form.audience, include_body: form.body }),
    stale: [webhookKeys.list(workspace.id)],
    onDone: (result) => ("secret" in result ? onMade(result) : onClose()),
  });
  const fields = save.error instanceof Problem ? save.error.fields : {};
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate();
  };
  return (
    <form className={classes.form} onSubmit={submit}>
      <TextInput
        label="Address"
        placeholder="https://crm.example/hooks/rapport"
        required
        withAsterisk={false}
        data-autofocus
        value={form.url}
        error={fields.url}
        onChange={(event) => form.setUrl(event.currentTarget.value)}
      />
      <TextInput
        label="Description"
        placeholder="What it is for"
        value={form.description}
        error={fields.description}
        onChange={(event) => form.setDescription(event.currentTarget.value)}
      />
      {!hook && <AudienceChoice value={form.audience} onChange={form.setAudience} />}
      <EventChoice value={form.events} onChange={form.setEvents} />
      <Checkbox
        label="With texts"
        description="Texts of messages go along, where the whole message may be seen."
        checked={form.body}
        onChange={(event) => form.setBody(event.currentTarget.checked)}
      />
      {Object.keys(fields).length === 0 && <DialogProblem error={save.error} />}
      {fields.events && <DialogProblem error={new Error(fields.events)} />}
      <DialogFoot>
        <Button variant="subtle" onClick={onClose}>
          Cancel
        </Button>
        <Button type="submit" variant="filled" disabled={form.events.length === 0} loading={save.isPending}>
          {hook ? "Save" : "Create the webhook"}
        </Button>
      </DialogFoot>
    </form>
  );
}

function AudienceChoice({ value, onChange }: { value: Audience; onChange: (value: Audience) => void }) {
  return (
    <ChoiceCards
      label="Whose eyes"
      value={value}
      onChange={onChange}
      options={[
        {
          value: "workspace",
          title: "The workspace's",
          detail: "What every member sees. Private mail never leaves. Connections of all members.",
        },
        { value: "mine", title: "Yours alone", detail: "What you see, your own mail too. It ends when you leave." },
      ]}
    />
  );
}

function EventChoice({ value, onChange }: { value: string[]; onChange: (value: string[]) => void }) {
  const { workspace } = useSession();
  const { data } = useQuery({
    queryKey: webhookKeys.events(workspace.id),
    queryFn: ({ signal }) => webhooksApi.events(workspace.id, signal),
    staleTime: Number.POSITIVE_INFINITY,
  });
  const events = data?.items ?? [];
  const all = value.includes(everything);
  const toggle = (name: string) =>
    onChange(value.includes(name) ? value.filter((v) => v !== name) : [...value.filter((v) => v !== everything), name]);
  return (
    <fieldset className={classes.group}>
      <legend>Events</legend>
      <Checkbox
        mt={8}
        label="Everything"
        description="Also events that are yet to come."
        checked={all}
        onChange={() => onChange(all ? events.map((e) => e.name) : [everything])}
      />
      {!all && (
        <div className={classes.boxes}>
          {events.map((e) => (
            <Checkbox
              key={e.name}
              label={e.name}
              description={e.words}
              checked={value.includes(e.name)}
              onChange={() => toggle(e.name)}
            />
          ))}
        </div>
      )}
    </fieldset>
  );
}

/** A new secret of a webhook that is there already. */
export function SecretDialog({ made, onClose }: { made: CreatedWebhook; onClose: () => void }) {
  return (
    <Modal
      opened
      size="lg"
      onClose={onClose}
      title="Copy the new secret now"
      closeButtonProps={{ "aria-label": "Close" }}
      closeOnClickOutside={false}
    >
      <Secret made={made} onClose={onClose} />
    </Modal>
  );
}

function Secret({ made, onClose }: { made: CreatedWebhook; onClose: () => void }) {
  return (
    <>
      <Once note="It is shown this once. Your program checks with it that a message came from here: every message is signed, as Standard Webhooks says.">
        <CopyLine text={made.secret} what="the secret" />
      </Once>
      <DialogFoot>
        <CopyWords text={made.secret}>Copy the secret</CopyWords>
        <Button variant="filled" onClick={onClose}>
          Done
        </Button>
      </DialogFoot>
    </>
  );
}
