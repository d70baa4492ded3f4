import { Button, Select, Switch } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useState } from "react";
import { useSession } from "@/app/session";
import { useGoogleIntegrationConnect, useGoogleLabels } from "@/hooks/useGoogleIntegration";
import { explain } from "@/lib/problem";
import { shortScope } from "@/lib/scopes";
import type { ConnectionSettings, GoogleStatus, SettingsChange, Visibility } from "@/lib/types";
import { Segments } from "@/ui/Choice";
import { Confirm } from "@/ui/Confirm";
import { AmountSelect, everyLabel, LabelChoice, openedBy, previewText, VisibilityChoice } from "@/ui/ImportChoices";
import { Card, Row, Section } from "@/ui/kit";
import classes from "./settings.module.css";
import { useChange, usePreview } from "./useConnection";

/** The part of a draft that differs from what is saved. */
export function changed(
  draft: ConnectionSettings,
  saved: ConnectionSettings,
  hide = false,
): SettingsChange | undefined {
  const change: SettingsChange = {};
  if ([...draft.labels].sort().join() !== [...saved.labels].sort().join()) change.labels = draft.labels;
  const off = saved.labels.filter((l) => l !== everyLabel && !draft.labels.includes(l));
  if (change.labels && off.length > 0 && !draft.labels.includes(everyLabel)) {
    change.labels_off = Object.fromEntries(off.map((l) => [l, hide ? "hide" : "keep"]));
  }
  if (draft.limit !== saved.limit) change.limit = draft.limit;
  return Object.keys(change).length > 0 ? change : undefined;
}

const intervals = [
  ["30", "Every 30 seconds"],
  ["60", "Every minute"],
  ["300", "Every 5 minutes"],
  ["900", "Every 15 minutes"],
  ["3600", "Every hour"],
] as const;

export function GmailSection({ workspaceId, status }: { workspaceId: string; status: GoogleStatus }) {
  const change = useChange(workspaceId, status.connection_id);
  const poll = String(status.settings.poll_seconds);
  const known = intervals.some(([value]) => value === poll);
  return (
    <>
      <Section title="Gmail">
        <Card>
          <Row
            title="Import mail"
            note={
              status.gmail_sync_enabled
                ? "New mail, labels and read marks follow Gmail."
                : "What is here stays; nothing new is read."
            }
            htmlFor="gmail-on"
          >
            <Switch
              id="gmail-on"
              checked={status.gmail_sync_enabled}
              disabled={change.isPending}
              onChange={(event) => change.mutate({ gmail_sync_enabled: event.currentTarget.checked })}
            />
          </Row>
          {status.gmail_sync_enabled && (
            <>
              <What workspaceId={workspaceId} status={status} />
              <Row title="Look for new mail">
                <Select
                  aria-label="Look for new mail"
                  w={{ base: 280, sm: 228 }}
                  data={[
                    ...(known ? [] : [{ value: poll, label: `Every ${poll} seconds` }]),
                    ...intervals.map(([value, label]) => ({ value, label })),
                  ]}
                  value={poll}
                  onChange={(value) => change.mutate({ poll_seconds: Number(value) })}
                />
              </Row>
              <Lane workspaceId={workspaceId} status={status} />
            </>
          )}
        </Card>
      </Section>
      <Section
        title="Who sees this mail"
        note="Holds for the members of this workspace. An administrator does not read private mail."
      >
        <WhoSees workspaceId={workspaceId} status={status} />
      </Section>
    </>
  );
}

const what =
  "Reads the messages of an import of more than 500 by IMAP beside the Gmail API, so that it is done sooner.";

/** What the IMAP lane does, and how it does, in words. */
export function laneText({ settings, imap_lane: lane }: Pick<GoogleStatus, "settings" | "imap_lane">, given: boolean) {
  if (!given) return `${what} It needs one permission more, for all of Gmail.`;
  if (!settings.imap_lane || !lane) return what;
  if (lane.state === "resting") return `${lane.reason} The import goes on by the Gmail API meanwhile.`;
  return `${what} ${lane.messages.toLocaleString("en")} messages came this way so far.`;
}

/** Large imports by IMAP: a switch, or the one click that gives the permission it needs. */
function Lane({ workspaceId, status }: { workspaceId: string; status: GoogleStatus }) {
  const change = useChange(workspaceId, status.connection_id);
  const { connect, isConnecting } = useGoogleIntegrationConnect(workspaceId);
  const given = status.granted_scopes.some((s) => shortScope(s) === "mail.google.com");
  const on = status.settings.imap_lane;
  const ask = () =>
    void connect(["imap"], { connectionId: status.connection_id }).catch((error) =>
      notifications.show({ color: "red", message: explain(error).message }),
    );
  return (
    <Row title="Large imports by IMAP" note={laneText(status, given)} htmlFor={given || on ? "imap-lane" : undefined}>
      {!given && (
        <Button aria-label="Allow IMAP at Google" loading={isConnecting} onClick={ask}>
          Allow
        </Button>
      )}
      {(given || on) && (
        <Switch
          id="imap-lane"
          checked={on}
          disabled={change.isPending}
          onChange={(event) => change.mutate({ imap_lane: event.currentTarget.checked })}
        />
      )}
    </Row>
  );
}

/** Closing mail takes effect at once; opening it asks first. */
function WhoSees({ workspaceId, status }: { workspaceId: string; status: GoogleStatus }) {
  const { workspace } = useSession();
  const change = useChange(workspaceId, status.connection_id);
  const [wish, setWish] = useState<Visibility>();
  const { visibility } = status.settings;
  const opened = (to: Visibility) => openedBy(visibility, to, status.counts.messages, workspace.name);
  return (
    <>
      <VisibilityChoice
        value={visibility}
        onChange={(to) => (opened(to).length > 0 ? setWish(to) : change.mutate({ visibility: to }))}
      />
      {wish && (
        <Confirm
          title="Let colleagues see this mail"
          verb="Let them see it"
          consequences={opened(wish)}
          pending={change.isPending}
          onConfirm={() => change.mutate({ visibility: wish }, { onSettled: () => setWish(undefined) })}
          onClose={() => setWish(undefined)}
        />
      )}
    </>
  );
}

/** What is imported: a draft, with what it would mean, until it is saved. */
function What({ workspaceId, status }: { workspaceId: string; status: GoogleStatus }) {
  const { labels } = useGoogleLabels(workspaceId, status.connection_id);
  const change = useChange(workspaceId, status.connection_id);
  const [draft, setDraft] = useState(status.settings);
  const [hide, setHide] = useState(true);
  const difference = changed(draft, status.settings, hide);
  const preview = usePreview(workspaceId, status.connection_id, draft.labels, draft.limit, difference !== undefined);
  return (
    <>
      <Row title="How much" note="The newest first.">
        <AmountSelect label="How much mail" value={draft.limit} onChange={(limit) => setDraft({ ...draft, limit })} />
      </Row>
      <div className={classes.block}>
        <LabelChoice labels={labels} value={draft.labels} onChange={(next) => setDraft({ ...draft, labels: next })} />
      </div>
      {difference?.labels_off && (
        <div className={classes.block}>
          <Segments
            label="Mail of the labels that are turned off"
            value={hide ? "hide" : "keep"}
            options={[
              { value: "hide", title: "Hide mail that is here" },
              { value: "keep", title: "Keep showing it" },
            ]}
            onChange={(choice) => setHide(choice === "hide")}
          />
        </div>
      )}
      {difference && (
        <div className={classes.pending}>
          <p role="status">
            {preview.data
              ? previewText(preview.data, draft.limit, status.counts.messages, Boolean(difference.labels_off) && hide)
              : preview.error
                ? explain(preview.error).message
                : "Asking Gmail how many messages that would be."}
          </p>
          <Button variant="subtle" onClick={() => setDraft(status.settings)}>
            Cancel
          </Button>
          <Button variant="filled" loading={change.isPending} onClick={() => change.mutate(difference)}>
            Save
          </Button>
        </div>
      )}
    </>
  );
}
