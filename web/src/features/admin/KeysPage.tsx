import { Button } from "@mantine/core";
import { KeyRound, Plus } from "lucide-react";
import { useState } from "react";
import { useSession } from "@/app/session";
import { useAct } from "@/hooks/useAct";
import { useNames } from "@/hooks/useNames";
import { rows } from "@/hooks/usePages";
import { keysApi } from "@/lib/adminApi";
import { comingDate } from "@/lib/countdown";
import { keyScopeTitle, keyState } from "@/lib/keyScopes";
import { keys } from "@/lib/keys";
import type { Key } from "@/lib/types";
import { Confirm } from "@/ui/Confirm";
import { Empty, Page, Section, Time } from "@/ui/kit";
import { More } from "@/ui/More";
import { Cell, Table } from "@/ui/Table";
import classes from "./admin.module.css";
import { KeyDialog } from "./KeyDialog";
import { List, Tags } from "./parts";
import { useApiKeys } from "./useAdmin";

export function KeysPage() {
  const { workspace } = useSession();
  const list = useApiKeys(workspace.id, "active");
  const over = useApiKeys(workspace.id, "ended");
  const [making, setMaking] = useState(false);
  const [revoking, setRevoking] = useState<Key>();
  const active = rows(list.data);
  const ended = rows(over.data);
  return (
    <Page
      title="API keys"
      wide
      lead="For programs. A key acts for the member who made it, within the rights it was given."
      aside={
        <Button size="xs" variant="filled" leftSection={<Plus size={14} />} onClick={() => setMaking(true)}>
          Create a key
        </Button>
      }
    >
      <List
        query={list}
        what="The keys"
        empty={active.length === 0}
        whenEmpty={
          <Empty
            icon={<KeyRound size={18} />}
            title="No key is in use"
            action={
              <Button variant="filled" onClick={() => setMaking(true)}>
                Create a key
              </Button>
            }
          >
            Plugins use one to get Google tokens; other programs, to read what is here.
          </Empty>
        }
      >
        <KeyTable of={active} label="Keys in use" onRevoke={setRevoking} />
      </List>
      <More list={list} />
      {ended.length > 0 && (
        <Section title="Revoked and expired">
          <KeyTable of={ended} label="Revoked and expired keys" />
          <More list={over} />
        </Section>
      )}
      {making && <KeyDialog onClose={() => setMaking(false)} />}
      {revoking && <Revoke apiKey={revoking} onClose={() => setRevoking(undefined)} />}
    </Page>
  );
}

const columns = [
  { id: "name", title: "Name", width: "30%" },
  { id: "rights", title: "May", wide: true },
  { id: "used", title: "Last used", width: "7rem" },
  { id: "ends", title: "Ends", wide: true, width: "11rem" },
  { id: "act", title: "Revoke", hidden: true, end: true, width: "6rem" },
];

function KeyTable({ of, label, onRevoke }: { of: Key[]; label: string; onRevoke?: (key: Key) => void }) {
  const { workspace } = useSession();
  const name = useNames(
    workspace.id,
    of.map((key) => key.user_id),
  );
  return (
    <Table columns={columns} label={label}>
      {of.map((key) => (
        <tr key={key.id}>
          <Cell main>
            <span className={classes.strong}>{key.name}</span>
            <p className={classes.fine}>
              <code>{key.prefix}…</code> {name(key.user_id) && `of ${name(key.user_id)}`}
            </p>
          </Cell>
          <Cell wide>
            <Tags
              items={key.scopes.map((s) => (
                <span key={s} title={s}>
                  {keyScopeTitle(s)}
                </span>
              ))}
            />
          </Cell>
          <Cell quiet label="Used">
            {key.last_used_at ? <Time iso={key.last_used_at} style="ago" /> : "never"}
          </Cell>
          <Cell wide quiet>
            <Ends apiKey={key} />
          </Cell>
          <Cell end>
            {onRevoke && (
              <Button size="xs" aria-label={`Revoke the key ${key.name}`} onClick={() => onRevoke(key)}>
                Revoke
              </Button>
            )}
          </Cell>
        </tr>
      ))}
    </Table>
  );
}

function Ends({ apiKey: key }: { apiKey: Key }) {
  if (key.revoked_at) {
    return (
      <>
        revoked <Time iso={key.revoked_at} />
      </>
    );
  }
  if (!key.expires_at) return "never";
  if (keyState(key) === "expired") {
    return (
      <>
        expired <Time iso={key.expires_at} />
      </>
    );
  }
  return comingDate(key.expires_at);
}

function Revoke({ apiKey, onClose }: { apiKey: Key; onClose: () => void }) {
  const { workspace } = useSession();
  const revoke = useAct({
    run: () => keysApi.revoke(workspace.id, apiKey.id),
    stale: [keys.admin.apiKeys(workspace.id)],
    done: () => `${apiKey.name} is revoked.`,
    onDone: onClose,
  });
  return (
    <Confirm
      title={`Revoke ${apiKey.name}`}
      verb="Revoke the key"
      danger
      consequences={[
        "Every program that uses it is refused from the next call on.",
        "Google tokens it was given before work for up to an hour more; Google ends them, not we.",
        "It cannot be taken back. Create a new key instead.",
      ]}
      pending={revoke.isPending}
      error={revoke.error}
      onConfirm={() => revoke.mutate()}
      onClose={onClose}
    />
  );
}
