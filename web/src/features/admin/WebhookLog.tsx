import { Button, Modal, Select } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { ChevronRight } from "lucide-react";
import { useState } from "react";
import { useSession } from "@/app/session";
import { useAct } from "@/hooks/useAct";
import { rows, usePages } from "@/hooks/usePages";
import {
  type DeliveryState,
  deliverySaid,
  deliveryStates,
  isOver,
  type Webhook,
  type WebhookDelivery,
  type WebhookDeliveryDetail,
  webhookKeys,
  webhooksApi,
} from "@/lib/webhooks";
import { Bones, Empty, Failed, Pill, Time } from "@/ui/kit";
import { More } from "@/ui/More";
import classes from "./admin.module.css";
import own from "./webhooks.module.css";

/** Sending shows while it goes on. */
const lookAgain = 3000;

function useLog(w: string, id: string, state?: DeliveryState) {
  return usePages({
    queryKey: [...webhookKeys.deliveries(w, id), "list", state ?? ""],
    read: (cursor, signal) => webhooksApi.deliveries(w, id, state, cursor, signal),
    every: lookAgain,
  });
}

/** What a webhook was sent. */
export function WebhookLog({ hook, onClose }: { hook: Webhook; onClose: () => void }) {
  const { workspace } = useSession();
  const [state, setState] = useState<DeliveryState>();
  const log = useLog(workspace.id, hook.id, state);
  const list = rows(log.data);
  return (
    <Modal opened size="xl" onClose={onClose} title="Deliveries" closeButtonProps={{ "aria-label": "Close" }}>
      <div className={classes.filters}>
        <Select
          aria-label="State"
          placeholder="Every state"
          clearable
          data={Object.entries(deliveryStates).map(([value, said]) => ({ value, label: said.text }))}
          value={state ?? null}
          onChange={(value) => setState((value as DeliveryState | null) ?? undefined)}
        />
      </div>
      {log.isPending && <Bones rows={4} height={40} />}
      {log.error && !log.data && <Failed error={log.error} retry={log.refetch} title="The log could not be loaded" />}
      {log.data && list.length === 0 && (
        <Empty title="Nothing here">Deliveries stay for 30 days. Send a test to see one.</Empty>
      )}
      {list.length > 0 && (
        <ul className={classes.trailList}>
          {list.map((d) => (
            <Entry key={d.id} hook={hook} delivery={d} />
          ))}
        </ul>
      )}
      <More list={log} />
    </Modal>
  );
}

function Entry({ hook, delivery }: { hook: Webhook; delivery: WebhookDelivery }) {
  const [open, setOpen] = useState(false);
  const said = deliverySaid(delivery);
  return (
    <li>
      <button type="button" className={classes.entry} aria-expanded={open} onClick={() => setOpen(!open)}>
        <ChevronRight size={14} className={classes.turn} />
        <span className={classes.sentence}>
          <span className={classes.strong}>{delivery.event}</span>
          {delivery.error && <span className={own.why}>{delivery.error}</span>}
        </span>
        <span className={own.when}>
          <Time iso={delivery.happened_at} />
        </span>
        <Pill tone={said.tone}>{said.text}</Pill>
      </button>
      {open && <Detail hook={hook} delivery={delivery} />}
    </li>
  );
}

function Detail({ hook, delivery }: { hook: Webhook; delivery: WebhookDelivery }) {
  const { workspace } = useSession();
  const { data, error, refetch } = useQuery({
    queryKey: [...webhookKeys.deliveries(workspace.id, hook.id), "one", delivery.id, delivery.attempts, delivery.state],
    queryFn: ({ signal }) => webhooksApi.delivery(workspace.id, hook.id, delivery.id, signal),
    placeholderData: (previous) => previous,
  });
  const again = useAct({
    run: () => webhooksApi.redeliver(workspace.id, hook.id, delivery.id),
    stale: [webhookKeys.deliveries(workspace.id, hook.id)],
    done: () => "It is sent again, with the same id.",
    failed: "It could not be sent again",
  });
  if (error && !data) return <Failed error={error} retry={refetch} title="The delivery could not be loaded" />;
  const note = deliveryStates[delivery.state].note;
  return (
    <div className={own.detail}>
      <div className={own.head}>
        <div>
          <p className={classes.fine}>
            webhook-id <code>{delivery.id}</code>
          </p>
          {note && <p className={classes.fine}>{note}</p>}
          {delivery.next_try_at && (
            <p className={classes.fine}>
              Next try <Time iso={delivery.next_try_at} />
            </p>
          )}
        </div>
        {isOver(delivery.state) && hook.state === "enabled" && (
          <Button size="xs" loading={again.isPending} onClick={() => again.mutate()}>
            Send again
          </Button>
        )}
      </div>
      {data ? <Tries of={data} /> : <Bones rows={2} height={20} />}
    </div>
  );
}

function Tries({ of }: { of: WebhookDeliveryDetail }) {
  return (
    <>
      <h3>Tries</h3>
      {of.tries.length === 0 && <p className={classes.fine}>None yet.</p>}
      <ol className={own.tries}>
        {of.tries.map((t) => (
          <li key={t.at}>
            <p>
              <Time iso={t.at} /> · {t.took_ms} ms · {t.status ? `answered ${t.status}` : "no answer"}
            </p>
            {t.error && <p className={classes.fine}>{t.error}</p>}
            {t.answer && <pre className={own.text}>{t.answer}</pre>}
          </li>
        ))}
      </ol>
      <h3>Payload</h3>
      {of.payload == null ? (
        <p className={classes.fine}>None: who this webhook is for does not see it any more.</p>
      ) : (
        <>
          <p className={classes.fine}>As it would be sent now: payloads are not stored.</p>
          <pre className={own.text}>{JSON.stringify(of.payload, null, 2)}</pre>
        </>
      )}
    </>
  );
}
