import { ActionIcon, Button } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { File, Trash2 } from "lucide-react";
import { rows, usePages } from "@/hooks/usePages";
import { googleIntegrationApi } from "@/lib/api";
import { keys } from "@/lib/keys";
import { recipients } from "@/lib/people";
import type { Draft, Outgoing } from "@/lib/types";
import { Bones, cx, Empty, Failed, Hint, Time } from "@/ui/kit";
import pieces from "@/ui/pieces.module.css";
import { say, sayFailed } from "@/ui/toast";
import { ahead } from "./composer/when";
import { useNames } from "./names";
import { handedOver, kindOf, useOutbox } from "./OutboxView";
import classes from "./OutboxView.module.css";

interface Props {
  workspaceId: string;
  connection: string | undefined;
  onOpen: (draft: Draft) => void;
  onOutbox: () => void;
}

/** The drafts of a mailbox; read where they are looked at. */
export const useDrafts = (workspaceId: string, connection: string | undefined, enabled = true) =>
  usePages<Draft>({
    queryKey: [...keys.outgoing.drafts(workspaceId), connection ?? ""],
    read: (cursor, signal) => googleIntegrationApi.drafts(workspaceId, connection, cursor, signal),
    enabled,
  });

/** Drafts as they are in Gmail. */
export function DraftsView({ workspaceId, connection, onOpen, onOutbox }: Props) {
  const client = useQueryClient();
  const list = useDrafts(workspaceId, connection);
  const drop = useMutation({
    mutationFn: (d: Draft) => googleIntegrationApi.deleteDraft(workspaceId, d.id, d.connection_id),
    onSuccess: () => say({ id: "draft deleted", text: "Draft deleted", ms: 4000 }),
    onError: (error) => sayFailed("The draft was not deleted", error),
    onSettled: () => client.invalidateQueries({ queryKey: keys.outgoing.drafts(workspaceId) }),
  });
  const outbox = useOutbox(workspaceId);
  const found = rows(list.data);
  const over = handedOver(outbox.items);
  if (list.isPending || outbox.isLoading) return <Bones rows={5} height={76} />;
  if (list.error && found.length === 0)
    return <Failed error={list.error} retry={list.refetch} title="The drafts could not be loaded" />;
  if (found.length === 0) {
    return (
      <Empty icon={<File size={18} />} title="No drafts">
        What you begin to write is kept in Gmail's drafts by itself, and stands here.
      </Empty>
    );
  }
  return (
    <div className={classes.scroller}>
      <ul className={classes.list} aria-label="Drafts">
        {found.map((d) => (
          <Row
            key={d.id}
            draft={d}
            out={over.get(`${d.connection_id}/${d.id}`)}
            onOpen={onOpen}
            onOutbox={onOutbox}
            onDelete={drop.mutate}
          />
        ))}
      </ul>
      {list.hasNextPage && (
        <Button variant="subtle" fullWidth onClick={() => void list.fetchNextPage()} loading={list.isFetchingNextPage}>
          Show more
        </Button>
      )}
    </div>
  );
}

interface RowProps extends Pick<Props, "onOpen" | "onOutbox"> {
  draft: Draft;
  /** It is handed over: what happens to it now is for the outbox. */
  out: Outgoing | undefined;
  onDelete: (draft: Draft) => void;
}

function Row({ draft: d, out, onOpen, onOutbox, onDelete }: RowProps) {
  const names = useNames();
  const subject = d.subject || "without a subject";
  return (
    <li className={cx(classes.row, classes.draft)}>
      <button
        type="button"
        className={classes.open}
        aria-label={out ? `Show ${subject} in the outbox` : `Open the draft ${subject}`}
        onClick={() => (out ? onOutbox() : onOpen(d))}
      />
      <span className={cx(pieces.clip, classes.to)}>
        {d.to.length > 0 ? `To ${recipients(d.to, names)}` : "To nobody yet"}
      </span>
      <span className={classes.end}>
        <span className={classes.time}>{out ? stateOf(out) : <Time iso={d.updated_at} />}</span>
        {!out && (
          <Hint label="Delete the draft">
            <ActionIcon
              className={classes.drop}
              size={24}
              aria-label={`Delete the draft ${subject}`}
              onClick={() => onDelete(d)}
            >
              <Trash2 size={14} />
            </ActionIcon>
          </Hint>
        )}
      </span>
      <span className={cx(pieces.clip, classes.subject)}>{d.subject || "(no subject)"}</span>
      <span className={cx(pieces.clip, classes.snippet)}>{d.snippet}</span>
    </li>
  );
}

function stateOf(out: Outgoing): string {
  const kind = kindOf(out);
  if (kind === "scheduled") return `Scheduled, ${ahead(new Date(out.send_at))}`;
  return kind === "waiting" ? "Tried again by itself" : "Sending";
}
