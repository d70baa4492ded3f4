import { Button } from "@mantine/core";
import { CircleAlert, CircleCheck } from "lucide-react";
import { count, plural } from "@/lib/format";
import type { Completeness, GoogleStatus } from "@/lib/types";
import { Card, Section, Time } from "@/ui/kit";
import classes from "./settings.module.css";
import { useVerify } from "./useConnection";

/** The result of a check as a sentence, and whether it is good. */
export function verdict(c: Completeness): { good: boolean; title: string; detail: string } {
  const same = `Gmail has ${count(c.google_count)}, Rapport has ${count(c.rapport_count)}`;
  switch (c.state) {
    case "complete":
      return { good: true, title: same, detail: "Nothing is missing." };
    case "healed":
      return { good: true, title: same, detail: `${plural(c.healed, "difference")} found and put right.` };
    case "explained":
      return {
        good: false,
        title: same,
        detail: `${plural(c.missing - c.healed, "message")} could not be read; see “Could not be imported”.`,
      };
    default:
      return {
        good: false,
        title: same,
        detail: `${plural(c.missing, "message")} missing, ${count(c.extra)} too many. Rapport puts this right at the next sync.`,
      };
  }
}

export function CompletenessSection({ workspaceId, status }: { workspaceId: string; status: GoogleStatus }) {
  const verify = useVerify(workspaceId, status.connection_id);
  const last = status.completeness;
  const result = last && verdict(last);
  return (
    <Section title="Completeness" note="Compares every message's id at Gmail with what is here. Done daily by itself.">
      <Card>
        <div className={classes.check}>
          {result ? (
            <>
              <span className={classes.verdict} data-good={result.good}>
                {result.good ? <CircleCheck size={18} /> : <CircleAlert size={18} />}
              </span>
              <div className={classes.grow}>
                <p className={classes.strong}>{result.title}</p>
                <p className={classes.state}>
                  {result.detail} Checked <Time iso={last.checked_at} style="ago" />.
                </p>
              </div>
            </>
          ) : (
            <p className={classes.grow}>Not checked yet.</p>
          )}
          <Button loading={verify.isPending} onClick={() => verify.mutate()}>
            Check now
          </Button>
        </div>
      </Card>
    </Section>
  );
}
