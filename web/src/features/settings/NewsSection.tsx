import type { Watch } from "@/lib/generated/api";
import type { GoogleStatus } from "@/lib/types";
import { Card, Pill, Row, Section, Time } from "@/ui/kit";

const ways: Record<Watch["mode"], string> = {
  push: "Google tells Rapport at once when something changes.",
  pull: "Rapport hears from Google's queue at once when something changes.",
  poll: "Rapport looks by itself, at the interval above.",
};

/** How long news take, as people say it. */
export const delay = (ms: number): string =>
  ms < 1000 ? "under a second" : ms < 90_000 ? `${Math.round(ms / 1000)} s` : `${Math.round(ms / 60_000)} minutes`;

/** How news of the mailbox come in, and how well that works. */
export function NewsSection({ status }: { status: GoogleStatus }) {
  const watch = status.watch;
  if (!watch || !status.gmail_sync_enabled) return null;
  return (
    <Section title="How new mail comes in">
      <Card>
        <Row title={ways[watch.mode]} note={watch.error && `${watch.error} ${watch.next_step ?? ""}`}>
          <Pill tone={watch.error ? "warn" : "ok"}>
            {watch.error ? "Not by notification" : watch.mode === "poll" ? "Regularly" : "At once"}
          </Pill>
        </Row>
        {watch.last_notification_at && (
          <Row
            title="Last heard of Google"
            note={watch.delay_p50_ms !== undefined && `New mail is here after ${delay(watch.delay_p50_ms)}, mostly.`}
          >
            <Time iso={watch.last_notification_at} style="ago" />
          </Row>
        )}
        {watch.expires_at && watch.state === "on" && (
          <Row title="Google's promise to tell" note="Renewed every day, long before it ends.">
            until <Time iso={watch.expires_at} />
          </Row>
        )}
      </Card>
    </Section>
  );
}
