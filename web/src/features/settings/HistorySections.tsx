import { Button } from "@mantine/core";
import { useState } from "react";
import { count, took } from "@/lib/format";
import type { Failure, GoogleStatus, Run } from "@/lib/types";
import { Bones, Card, cx, Failed, Section, Time } from "@/ui/kit";
import classes from "./settings.module.css";
import { useFailures, useRetry, useRuns } from "./useConnection";

interface Props {
  workspaceId: string;
  status: GoogleStatus;
}

/** The ledger: nothing that failed is forgotten. Absent while there is nothing in it. */
export function FailuresSection({ workspaceId, status }: Props) {
  const failures = useFailures(workspaceId, status.connection_id);
  const retry = useRetry(workspaceId);
  const items = failures.data?.items ?? [];
  if (items.length === 0 && status.counts.failures === 0) return null;
  return (
    <Section
      title="Could not be imported"
      note="Tried again by itself, less often each time. What is set aside waits for you."
    >
      <Card>
        {failures.isPending && <Bones rows={2} />}
        {failures.error && (
          <Failed error={failures.error} retry={failures.refetch} title="The list could not be loaded" />
        )}
        {items.map((f) => (
          <div key={f.id} className={classes.failure}>
            <div className={classes.grow}>
              <p className={classes.strong}>{f.subject || `Message ${f.item_id}`}</p>
              <p className={classes.state}>
                {f.reason}. {attempts(f)}
                {!f.parked && (
                  <>
                    , next <Time iso={f.next_try_at} style="long" />
                  </>
                )}
                .
              </p>
            </div>
            <Button size="xs" loading={retry.isPending && retry.variables === f.id} onClick={() => retry.mutate(f.id)}>
              Try again now
            </Button>
          </div>
        ))}
      </Card>
    </Section>
  );
}

const attempts = (f: Failure) =>
  `${f.parked ? "Set aside after" : "Tried"} ${f.attempts === 1 ? "once" : `${count(f.attempts)} times`}`;

const streams: Record<string, string> = {
  "gmail.history": "New mail and changes",
  "gmail.backfill": "Import of older mail",
  "gmail.verify": "Completeness check",
  "gmail.retry": "Another try of failed messages",
};

const first = 5;

export function RunsSection({ workspaceId, status }: Props) {
  const runs = useRuns(workspaceId, status.connection_id);
  const [all, setAll] = useState(false);
  const items = runs.data?.items ?? [];
  if (!runs.isPending && items.length === 0) return null;
  return (
    <Section
      title="Recent runs"
      aside={
        items.length > first && (
          <Button size="xs" variant="subtle" onClick={() => setAll(!all)}>
            {all ? "Show fewer" : "Show more"}
          </Button>
        )
      }
    >
      <Card className={classes.runs}>
        {runs.isPending ? (
          <Bones rows={3} />
        ) : (
          <table>
            <thead>
              <tr>
                <th>What</th>
                <th>When</th>
                <th className={classes.number}>Took</th>
                <th>Result</th>
              </tr>
            </thead>
            <tbody>
              {items.slice(0, all ? undefined : first).map((run) => (
                <tr key={run.id}>
                  <td>{streams[run.stream] ?? run.stream}</td>
                  <td>
                    <Time iso={run.started_at} style="ago" />
                  </td>
                  <td className={classes.number}>{run.finished_at ? took(run.started_at, run.finished_at) : ""}</td>
                  <td className={cx(run.error && classes.bad)}>{result(run)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </Card>
    </Section>
  );
}

/** "12 new, 3 changed", "nothing new", or what went wrong. */
export function result(run: Run): string {
  if (run.state === "running" || run.state === "queued") return "Working";
  if (run.error) return run.error;
  const { added, updated, deleted, failed } = run.counts;
  const parts: [number, string][] = [
    [added, "new"],
    [updated, "changed"],
    [deleted, "deleted"],
    [failed, "failed"],
  ];
  const said = parts.filter(([n]) => n > 0).map(([n, what]) => `${count(n)} ${what}`);
  if (said.length > 0) return said.join(", ");
  return run.state === "cancelled" ? "Stopped" : "Nothing new";
}
