/** After "Send": how long it can be taken back, then what became of it. Lives on while other pages are shown. */
import { googleIntegrationApi } from "@/lib/api";
import { onLive } from "@/lib/live";
import { Problem } from "@/lib/problem";
import type { Outgoing } from "@/lib/types";
import { cannotUndo, canUndo } from "@/lib/undoing";
import { useNow } from "@/ui/kit";
import { hush, say, sayFailed } from "@/ui/toast";
import { type Letter, newKey } from "./letter";
import { ahead } from "./when";

interface Ways {
  /** Opens the composer again, as it was. */
  reopen: (letter: Letter) => void;
  outbox: () => void;
}

const toastOf = (out: Outgoing) => `sending ${out.id}`;
const patience = 20;
const toldFor = 12_000;

/** Tells of a message that was handed over until it is sent, failed or taken back. */
export function follow(workspaceId: string, out: Outgoing, letter: Letter, ways: Ways) {
  const id = toastOf(out);
  const due = new Date(out.send_at);
  const scheduled = due.getTime() - Date.now() > 60_000;
  let over = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const end = () => {
    over = true;
    clearTimeout(timer);
    stop();
    cannotUndo(takeBack);
  };
  const undo = async () => {
    end();
    hush(id);
    try {
      await googleIntegrationApi.cancelOutgoing(workspaceId, out.id);
      ways.reopen({ ...letter, key: newKey() });
    } catch (error) {
      const late = error instanceof Problem && error.status === 409;
      if (late) say({ id, text: "Too late to take it back: Gmail has it already." });
      else sayFailed("It could not be taken back", error, () => void undo());
    }
  };
  const takeBack = () => void undo();
  const look = async () => {
    const now = await googleIntegrationApi.outgoing(workspaceId, out.id).catch(() => undefined);
    if (now && !over && tell(now, ways)) end();
  };
  const stop = onLive((event) => {
    if (event.name === "mail.sending" && event.data?.outgoing_id === out.id) void look();
  });
  const wait = (tries: number) => {
    timer = setTimeout(
      () => {
        if (over) return;
        void look();
        if (tries > 0) wait(tries - 1);
        else end();
      },
      Math.max(1500, due.getTime() - Date.now() + 1500),
    );
  };
  const back = { label: "Undo", keys: "Z", run: takeBack };
  canUndo(takeBack);
  if (scheduled) {
    stop();
    timer = setTimeout(end, toldFor); // no longer said, no longer taken back by a key
    say({
      id,
      text: `Will be sent ${ahead(due)}`,
      ms: toldFor,
      actions: [back, { label: "Outbox", run: ways.outbox }],
    });
    return;
  }
  say({ id, text: <Countdown until={due} />, ms: false, actions: [back] });
  wait(patience);
}

/** Says what became of it; false while it is still on its way. */
function tell(out: Outgoing, ways: Ways): boolean {
  const id = toastOf(out);
  const where = [{ label: "Open the outbox", run: ways.outbox }];
  switch (out.state) {
    case "sent":
      say({ id, text: "Sent", ms: 4000 });
      return true;
    case "failed":
      say({ id, title: "Not sent", text: why(out), failed: true, ms: 30_000, actions: where });
      return true;
    case "retry":
      say({ id, title: "Not sent yet", text: `${why(out)} It is tried again by itself.`, ms: 15_000, actions: where });
      return true;
    case "cancelled":
      hush(id);
      return true;
    default:
      return false;
  }
}

/** What happened, and what can be done. */
export const why = (out: Outgoing) => [out.error, out.next_step].filter(Boolean).join(" ");

function Countdown({ until }: { until: Date }) {
  const left = Math.ceil((until.getTime() - useNow(250).getTime()) / 1000);
  return <span data-number>{left > 0 ? `Sending in ${left} s` : "Sending"}</span>;
}
