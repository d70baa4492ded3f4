import { Button, Menu } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Ellipsis, Plus, Webhook as WebhookIcon } from "lucide-react";
import { useState } from "react";
import { useSession } from "@/app/session";
import { useAct } from "@/hooks/useAct";
import { useNames } from "@/hooks/useNames";
import { type CreatedWebhook, everything, type Webhook, webhookKeys, webhookState, webhooksApi } from "@/lib/webhooks";
import { Confirm } from "@/ui/Confirm";
import { Empty, Page, Pill, Time } from "@/ui/kit";
import { Cell, Table } from "@/ui/Table";
import classes from "./admin.module.css";
import { List, Tags } from "./parts";
import { SecretDialog, WebhookDialog } from "./WebhookDialog";
import { WebhookLog } from "./WebhookLog";
import own from "./webhooks.module.css";

/** What is open over the page. */
type Open = { what: "change" | "log" | "rotate" | "remove"; hook: Webhook };

export function WebhooksPage() {
  const { workspace } = useSession();
  const list = useQuery({
    queryKey: webhookKeys.list(workspace.id),
    queryFn: ({ signal }) => webhooksApi.list(workspace.id, signal),
    refetchInterval: 15_000,
  });
  const [making, setMaking] = useState(false);
  const [open, setOpen] = useState<Open>();
  const [made, setMade] = useState<CreatedWebhook>();
  const hooks = list.data?.items ?? [];
  const close = () => setOpen(undefined);
  const create = (
    <Button size="xs" variant="filled" leftSection={<Plus size={14} />} onClick={() => setMaking(true)}>
      Create a webhook
    </Button>
  );
  return (
    <Page
      title="Webhooks"
      wide
      lead="Other programs are told what happens here: signed, at least once, in order, and tried for three days."
      aside={hooks.length > 0 && create}
    >
      <List
        query={list}
        what="The webhooks"
        empty={hooks.length === 0}
        whenEmpty={
          <Empty icon={<WebhookIcon size={18} />} title="No program is told anything yet" action={create}>
            A webhook posts mail, connections and syncs to an address of yours.
          </Empty>
        }
      >
        <HookTable of={hooks} onOpen={setOpen} />
      </List>
      {making && <WebhookDialog onClose={() => setMaking(false)} />}
      {open?.what === "change" && <WebhookDialog hook={open.hook} onClose={close} />}
      {open?.what === "log" && <WebhookLog hook={open.hook} onClose={close} />}
      {open?.what === "rotate" && <Rotate hook={open.hook} onMade={setMade} onClose={close} />}
      {open?.what === "remove" && <Remove hook={open.hook} onClose={close} />}
      {made && <SecretDialog made={made} onClose={() => setMade(undefined)} />}
    </Page>
  );
}

const columns = [
  { id: "address", title: "Address", width: "34%" },
  { id: "events", title: "Events", wide: true },
  { id: "state", title: "State", width: "15rem" },
  { id: "act", title: "Acts", hidden: true, end: true, width: "9rem" },
];

function HookTable({ of, onOpen }: { of: Webhook[]; onOpen: (open: Open) => void }) {
  const { workspace } = useSession();
  const name = useNames(
    workspace.id,
    of.map((hook) => hook.created_by),
  );
  return (
    <Table columns={columns} label="Webhooks">
      {of.map((hook) => (
        <tr key={hook.id}>
          <Cell main>
            <span className={own.url}>{hook.url}</span>
            <p className={classes.fine}>
              {[hook.description, whose(hook, name(hook.created_by))].filter(Boolean).join(" · ")}
            </p>
          </Cell>
          <Cell wide>
            <Tags items={hook.events.includes(everything) ? ["everything"] : hook.events} />
          </Cell>
          <Cell label="State">
            <State hook={hook} />
          </Cell>
          <Cell end>
            <Acts hook={hook} onOpen={onOpen} />
          </Cell>
        </tr>
      ))}
    </Table>
  );
}

function whose(hook: Webhook, name?: string) {
  if (hook.audience === "workspace") return "what every member sees";
  return hook.mine ? "what you see" : `what ${name || "its maker"} sees`;
}

function State({ hook }: { hook: Webhook }) {
  const said = webhookState(hook);
  return (
    <>
      <Pill tone={said.tone}>{said.text}</Pill>
      {hook.failing_since && hook.state === "enabled" ? (
        <p className={classes.fine}>
          since <Time iso={hook.failing_since} />
          {hook.waiting > 0 && `, ${hook.waiting} waiting`}
        </p>
      ) : (
        hook.waiting > 0 && <p className={classes.fine}>{hook.waiting} waiting</p>
      )}
      {said.note && <p className={classes.fine}>{said.note}</p>}
    </>
  );
}

function Acts({ hook, onOpen }: { hook: Webhook; onOpen: (open: Open) => void }) {
  const { workspace } = useSession();
  const stale = [webhookKeys.all(workspace.id)];
  const test = useAct({
    run: () => webhooksApi.test(workspace.id, hook.id),
    stale,
    failed: "The test could not be sent",
    onDone: () => onOpen({ what: "log", hook }),
  });
  const turn = useAct({
    run: (state: "enabled" | "disabled") => webhooksApi.change(workspace.id, hook.id, { state }),
    stale,
    done: (_, state) => (state === "enabled" ? "Enabled: what waits is sent now." : "Disabled: nothing is sent there."),
    failed: "That did not work",
  });
  const on = hook.state === "enabled";
  const readable = hook.audience === "workspace" || hook.mine;
  return (
    <span className={classes.nameLine} style={{ justifyContent: "flex-end" }}>
      {readable && (
        <Button size="xs" aria-label={`Log of ${hook.url}`} onClick={() => onOpen({ what: "log", hook })}>
          Log
        </Button>
      )}
      <Menu position="bottom-end" width={220}>
        <Menu.Target>
          <Button variant="subtle" px={6} aria-label={`More for ${hook.url}`}>
            <Ellipsis size={16} />
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {readable && (
            <>
              <Menu.Item disabled={!on} onClick={() => test.mutate()}>
                Send a test
              </Menu.Item>
              <Menu.Item onClick={() => onOpen({ what: "change", hook })}>Change</Menu.Item>
              <Menu.Item onClick={() => onOpen({ what: "rotate", hook })}>New secret</Menu.Item>
            </>
          )}
          {on && <Menu.Item onClick={() => turn.mutate("disabled")}>Disable</Menu.Item>}
          {!on && readable && <Menu.Item onClick={() => turn.mutate("enabled")}>Enable</Menu.Item>}
          <Menu.Item color="var(--bad)" onClick={() => onOpen({ what: "remove", hook })}>
            Delete
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </span>
  );
}

function Rotate(props: { hook: Webhook; onMade: (made: CreatedWebhook) => void; onClose: () => void }) {
  const { workspace } = useSession();
  const rotate = useAct({
    run: () => webhooksApi.rotate(workspace.id, props.hook.id),
    stale: [webhookKeys.list(workspace.id)],
    onDone: (made) => {
      props.onMade(made);
      props.onClose();
    },
  });
  return (
    <Confirm
      title="Make a new secret"
      verb="Make a new secret"
      consequences={[
        "Messages are signed with the new secret from now on.",
        "The old one signs too for 24 hours, so your program can change over in peace.",
      ]}
      pending={rotate.isPending}
      error={rotate.error}
      onConfirm={() => rotate.mutate()}
      onClose={props.onClose}
    />
  );
}

function Remove({ hook, onClose }: { hook: Webhook; onClose: () => void }) {
  const { workspace } = useSession();
  const remove = useAct({
    run: () => webhooksApi.remove(workspace.id, hook.id),
    stale: [webhookKeys.list(workspace.id)],
    done: () => "The webhook is deleted.",
    onDone: onClose,
  });
  return (
    <Confirm
      title="Delete the webhook"
      verb="Delete the webhook"
      danger
      consequences={[
        `Nothing is sent to ${hook.url} any more, nor what waits.`,
        "Its log and its secret are deleted. To stop it for a while, disable it.",
      ]}
      pending={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate()}
      onClose={onClose}
    />
  );
}
