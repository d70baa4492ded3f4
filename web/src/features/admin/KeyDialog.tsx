import { Button, Checkbox, Modal, Select, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { useSession } from "@/app/session";
import { useAct } from "@/hooks/useAct";
import { keysApi } from "@/lib/adminApi";
import { expiryOf, keyScopeGroups, lives, tryIt } from "@/lib/keyScopes";
import { keys } from "@/lib/keys";
import { Problem } from "@/lib/problem";
import type { CreatedKey } from "@/lib/types";
import { DialogFoot, DialogProblem } from "@/ui/Confirm";
import { CopyLine, CopyWords } from "@/ui/Copy";
import classes from "./admin.module.css";
import { Once } from "./parts";

export function KeyDialog({ onClose }: { onClose: () => void }) {
  const [made, setMade] = useState<CreatedKey>();
  return (
    <Modal
      opened
      size="lg"
      onClose={onClose}
      title={made ? "Copy the key now" : "Create a key"}
      closeButtonProps={{ "aria-label": "Close" }}
      closeOnClickOutside={!made}
    >
      {made ? <Made made={made} onClose={onClose} /> : <Form onMade={setMade} onClose={onClose} />}
    </Modal>
  );
}

function Form({ onMade, onClose }: { onMade: (key: CreatedKey) => void; onClose: () => void }) {
  const { workspace } = useSession();
  const [name, setName] = useState("");
  const [life, setLife] = useState("90");
  const [scopes, setScopes] = useState<string[]>([]);
  const create = useAct({
    run: () => keysApi.create(workspace.id, { name: name.trim(), scopes, expires_at: expiryOf(life) }),
    stale: [keys.admin.apiKeys(workspace.id)],
    onDone: onMade,
  });
  const fields = create.error instanceof Problem ? create.error.fields : {};
  const toggle = (scope: string) =>
    setScopes(scopes.includes(scope) ? scopes.filter((s) => s !== scope) : [...scopes, scope]);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate();
  };
  return (
    <form className={classes.form} onSubmit={submit}>
      <div className={classes.pair}>
        <TextInput
          label="Name"
          placeholder="What it is for"
          required
          withAsterisk={false}
          data-autofocus
          value={name}
          error={fields.name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <Select
          label="Ends"
          data={lives.map((l) => ({ value: l.value, label: l.title }))}
          value={life}
          onChange={(value) => setLife(value ?? "90")}
        />
      </div>
      {keyScopeGroups.map((group) => (
        <fieldset key={group.title} className={classes.group}>
          <legend>{group.title}</legend>
          {group.note && <p className={classes.fine}>{group.note}</p>}
          <div className={classes.boxes}>
            {group.scopes.map((s) => (
              <Checkbox
                key={s.scope}
                label={s.title}
                description={s.detail}
                checked={scopes.includes(s.scope)}
                onChange={() => toggle(s.scope)}
              />
            ))}
          </div>
        </fieldset>
      ))}
      {Object.keys(fields).length === 0 ? (
        <DialogProblem error={create.error} />
      ) : (
        fields.scopes && <DialogProblem error={new Error(fields.scopes)} />
      )}
      <DialogFoot>
        <Button variant="subtle" onClick={onClose}>
          Cancel
        </Button>
        <Button type="submit" variant="filled" disabled={scopes.length === 0} loading={create.isPending}>
          Create the key
        </Button>
      </DialogFoot>
    </form>
  );
}

/** The key, this once, and how it is used. */
function Made({ made, onClose }: { made: CreatedKey; onClose: () => void }) {
  const example = tryIt(made.scopes, location.origin);
  return (
    <>
      <Once note="It is shown this once: only its hash is stored. Keep it where your program keeps its secrets.">
        <CopyLine text={made.key} what="the key" />
      </Once>
      <CopyLine text={example} what="the example" label="Try it" />
      <DialogFoot>
        <CopyWords text={made.key}>Copy the key</CopyWords>
        <Button variant="filled" onClick={onClose}>
          Done
        </Button>
      </DialogFoot>
    </>
  );
}
