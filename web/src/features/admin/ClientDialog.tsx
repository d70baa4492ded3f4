import { Button, Modal, PasswordInput, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { useSession } from "@/app/session";
import { useAct } from "@/hooks/useAct";
import { clientsApi } from "@/lib/adminApi";
import { keys } from "@/lib/keys";
import { Problem } from "@/lib/problem";
import type { GoogleClient } from "@/lib/types";
import { ChoiceCards } from "@/ui/Choice";
import { DialogFoot, DialogProblem } from "@/ui/Confirm";
import classes from "./admin.module.css";

/** Why a client id cannot be right; undefined when it can. */
export function wrongClientId(text: string): string | undefined {
  const value = text.trim();
  if (!value) return "is needed";
  if (/^GOCSPX-/.test(value)) return "This is a client secret. The id ends in .apps.googleusercontent.com.";
  if (/\s/.test(value)) return "has no spaces";
  return undefined;
}

type Reach = "workspace" | "installation";

/** Adds credentials, or changes their name and secret. The secret goes in and never comes out. */
export function ClientDialog({ client, onClose }: { client?: GoogleClient; onClose: () => void }) {
  const { workspace } = useSession();
  const [form, setForm] = useState({
    name: client?.name ?? "",
    google_client_id: client?.google_client_id ?? "",
    client_secret: "",
    reach: "workspace" as Reach,
  });
  const [wrong, setWrong] = useState<string>();
  const save = useAct({
    run: () => {
      const name = form.name.trim();
      const client_secret = form.client_secret.trim();
      if (client)
        return clientsApi.change(workspace.id, client.id, { name, client_secret: client_secret || undefined });
      return clientsApi.add(workspace.id, {
        name,
        client_secret,
        google_client_id: form.google_client_id.trim(),
        installation: form.reach === "installation",
      });
    },
    stale: [keys.admin.clients(workspace.id), keys.approval(workspace.id)],
    done: () => (client ? "Saved." : `${form.name || "The credentials"} are used for new connections.`),
    onDone: onClose,
  });
  const fields = save.error instanceof Problem ? save.error.fields : {};
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const problem = client ? undefined : wrongClientId(form.google_client_id);
    setWrong(problem);
    if (!problem) save.mutate();
  };
  return (
    <Modal
      opened
      size="lg"
      onClose={onClose}
      title={client ? `Edit ${client.name}` : "Add Google credentials"}
      closeButtonProps={{ "aria-label": "Close" }}
    >
      <form className={classes.form} onSubmit={submit}>
        <TextInput
          label="Name"
          description="For you, to tell them apart"
          required
          withAsterisk={false}
          data-autofocus
          value={form.name}
          error={fields.name}
          onChange={(event) => setForm({ ...form, name: event.currentTarget.value })}
        />
        <TextInput
          label="Client id"
          placeholder="…apps.googleusercontent.com"
          required
          withAsterisk={false}
          disabled={client !== undefined}
          value={form.google_client_id}
          error={wrong ?? fields.google_client_id}
          onChange={(event) => setForm({ ...form, google_client_id: event.currentTarget.value })}
        />
        <PasswordInput
          label={client ? "New client secret" : "Client secret"}
          description={
            client
              ? "Leave it empty to keep the secret that is stored. It is never shown."
              : "Stored encrypted and never shown again."
          }
          required={!client}
          withAsterisk={false}
          autoComplete="off"
          value={form.client_secret}
          error={fields.client_secret}
          onChange={(event) => setForm({ ...form, client_secret: event.currentTarget.value })}
        />
        {!client && workspace.role === "owner" && (
          <ChoiceCards<Reach>
            label="Where it is used"
            value={form.reach}
            onChange={(reach) => setForm({ ...form, reach })}
            options={[
              { value: "workspace", title: "This workspace", detail: `For connections made in ${workspace.name}` },
              {
                value: "installation",
                title: "Whole installation",
                detail: "For every workspace that has no credentials of its own",
              },
            ]}
          />
        )}
        {Object.keys(fields).length === 0 && <DialogProblem error={save.error} />}
        <DialogFoot>
          <Button variant="subtle" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" variant="filled" loading={save.isPending}>
            {client ? "Save" : "Add"}
          </Button>
        </DialogFoot>
      </form>
    </Modal>
  );
}
