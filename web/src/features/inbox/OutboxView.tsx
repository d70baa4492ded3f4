import { Button } from "@mantine/core";
import { useMutation, useQueries, useQueryClient } from "@tanstack/react-query";
import { Send } from "lucide-react";
import { useState } from "react";
import { googleIntegrationApi } from "@/lib/api";
import { keys } from "@/lib/keys";
import { recipients } from "@/lib/people";
import type { Outgoing, OutgoingState } from "@/lib/types";
import { Bones, cx, Empty, Failed, Time } from "@/ui/kit";
import pieces from "@/ui/pieces.module.css";
import { say, sayFailed } from "@/ui/toast";
import { PickTime } from "./composer/SendButton";
import { why } from "./composer/sending";
import { ahead } from "./composer/when";
import { useNames } from "./names";
import classes from "./OutboxView.module.css";

const states: OutgoingState[] = ["failed", "retry", "sending", "queued"];

export type Kind = "failed" | "waiting" | "scheduled" | "sending";

/** What is said about a message: it failed, it is tried again, it waits for its time, it is on its way. */
export function kindOf(out: Outgoing, now = new Date()): Kind {
  if (out.state === "failed") return "failed";
  if (out.state === "retry") return "waiting";
  return out.state === "queued" && new Date(out.send_at).getTime() - now.getTime() > 60_000 ? "scheduled" : "sending";
}

/** Drafts that are handed over, by mailbox and id. One that could not be sent may be changed again. */
export function handedOver(items: Outgoing[]): Map<string, Outgoing> {
  const waiting = items.filter((o) => o.draft_id && kindOf(o) !== "failed");
  return new Map(waiting.map((o) => [`${o.connection_id}/${o.draft_id}`, o]));
}

const groups: [Kind, string][] = [
  ["failed", "Not sent"],
  ["waiting", "Tried again by itself"],
  ["scheduled", "Scheduled"],
  ["sending", "Sending"],
];

export function useOutbox(workspaceId: string) {
  return useQueries({
    queries: states.map((state) => ({
      queryKey: keys.outgoing.state(workspaceId, state),
      queryFn: ({ signal }: { signal: AbortSignal }) => googleIntegrationApi.outbox(workspaceId, state, signal),
      staleTime: 10_000,
    })),
    combine: (answers) => ({
      items: answers.flatMap((a) => a.data?.items ?? []),
      failed: answers[0]?.data?.items.length ?? 0,
      isLoading: answers.some((a) => a.isPending),
      error: answers.find((a) => a.error)?.error,
      refresh: () => Promise.all(answers.map((a) => a.refetch())),
    }),
  });
}

/** Messages on their way, planned, or not sent. */
export function OutboxView({ workspaceId, onDraft }: { workspaceId: string; onDraft: (out: Outgoing) => void }) {
  const { items, isLoading, error, refresh } = useOutbox(workspaceId);
  if (isLoading) return <Bones rows={4} height={76} />;
  if (error) return <Failed error={error} retry={refresh} title="The outbox could not be loaded" />;
  if (items.length === 0) {
    return (
      <Empty icon={<Send size={18} />} title="Nothing waits to be sent">
        What is on its way, what is planned for later and what could not be sent stands here.
      </Empty>
    );
  }
  return (
    <div className={classes.scroller}>
      {groups.map(([kind, title]) => {
        const found = items.filter((o) => kindOf(o) === kind);
        return found.length === 0 ? null : (
          <section key={kind} aria-label={title}>
            <h2 className={classes.group}>{title}</h2>
            <ul className={classes.list}>
              {found.map((o) => (
                <Row key={o.id} workspaceId={workspaceId} out={o} kind={kind} onDraft={onDraft} />
              ))}
            </ul>
          </section>
        );
      })}
    </div>
  );
}

interface RowProps {
  workspaceId: string;
  out: Outgoing;
  kind: Kind;
  onDraft: (out: Outgoing) => void;
}

function Row({ workspaceId, out, kind, onDraft }: RowProps) {
  const client = useQueryClient();
  const names = useNames();
  const [picking, setPicking] = useState(false);
  const act = useMutation({
    mutationFn: (run: () => Promise<unknown>) => run(),
    onError: (error) => sayFailed("This did not work", error),
    onSettled: () => client.invalidateQueries({ queryKey: keys.outgoing.outbox(workspaceId) }),
  });
  const cancel = () =>
    act.mutate(async () => {
      await googleIntegrationApi.cancelOutgoing(workspaceId, out.id);
      say({
        id: `cancelled ${out.id}`,
        text: out.draft_id ? "Not sent. It is among the drafts." : "Not sent.",
        actions: out.draft_id ? [{ label: "Open the draft", run: () => onDraft(out) }] : [],
      });
    });
  const to = recipients([...out.to, ...out.cc, ...out.bcc], names);
  return (
    <li className={classes.row}>
      <span className={cx(pieces.clip, classes.to)}>To {to}</span>
      <span className={classes.time}>
        {kind === "scheduled" ? ahead(new Date(out.send_at)) : <Time iso={out.created_at} />}
      </span>
      <span className={cx(pieces.clip, classes.subject)}>{out.subject || "(no subject)"}</span>
      {(kind === "failed" || kind === "waiting") && <p className={classes.why}>{why(out) || "It was not sent."}</p>}
      <span className={classes.actions}>
        {(kind === "failed" || kind === "waiting") && (
          <Button
            size="xs"
            onClick={() => act.mutate(() => googleIntegrationApi.retryOutgoing(workspaceId, out.id))}
            loading={act.isPending}
          >
            Try again
          </Button>
        )}
        {kind === "failed" && out.draft_id && (
          <Button size="xs" onClick={() => onDraft(out)}>
            Open the draft
          </Button>
        )}
        {kind === "scheduled" && (
          <Button size="xs" onClick={() => setPicking(true)}>
            Change the time
          </Button>
        )}
        {out.can_cancel && kind !== "failed" && (
          <Button size="xs" onClick={cancel} loading={act.isPending}>
            Do not send
          </Button>
        )}
      </span>
      {picking && (
        <PickTime
          verb="Change the time"
          first={new Date(out.send_at)}
          onClose={() => setPicking(false)}
          onPick={(at) => {
            setPicking(false);
            act.mutate(() => googleIntegrationApi.reschedule(workspaceId, out.id, at.toISOString()));
          }}
        />
      )}
    </li>
  );
}
