import { Button } from "@mantine/core";
import { useState } from "react";
import { useSession } from "@/app/session";
import { useAct } from "@/hooks/useAct";
import { useApproval } from "@/hooks/useApproval";
import { useNames } from "@/hooks/useNames";
import { approvalApi } from "@/lib/adminApi";
import { stateWords } from "@/lib/approval";
import { keys } from "@/lib/keys";
import { displayName } from "@/lib/people";
import type { Approval, ApprovalRequest, ApprovalState } from "@/lib/types";
import { Segments } from "@/ui/Choice";
import { Confirm } from "@/ui/Confirm";
import { Bones, Card, Failed, Page, Person, Section, Time } from "@/ui/kit";
import { AllowSection } from "./AllowSection";
import classes from "./admin.module.css";
import { ConsoleSection } from "./ConsoleSection";
import { TestingNotice } from "./TestingNotice";
import { useAll, useConnections } from "./useAdmin";

export function ApprovalPage() {
  const { workspace } = useSession();
  const approval = useApproval(workspace.id);
  return (
    <Page
      title="Approval"
      lead="You enable Google once for the whole organisation; then every member connects with a single click."
    >
      {approval.isPending ? (
        <Card>
          <Bones rows={5} height={64} />
        </Card>
      ) : approval.data ? (
        <>
          <TestingNotice testing={approval.data.testing} />
          <StateCard approval={approval.data} />
          <Requests approval={approval.data} />
          <AllowSection approval={approval.data} />
          <ConsoleSection approval={approval.data} />
        </>
      ) : (
        <Card>
          <Failed error={approval.error} retry={approval.refetch} title="The approval could not be loaded" />
        </Card>
      )}
    </Page>
  );
}

function useDecide(onDone?: () => void) {
  const { workspace } = useSession();
  return useAct({
    run: (state: ApprovalState) => approvalApi.change(workspace.id, { state }),
    stale: [keys.approval(workspace.id), keys.google.all(workspace.id), keys.admin.connections(workspace.id)],
    done: (_, state) => said[state],
    failed: "The approval was not changed",
    onDone,
  });
}

const said: Record<ApprovalState, string> = {
  approved: "Approved. Members can connect now.",
  pending: "Set to pending. Nobody can connect until you approve.",
  blocked: "Blocked. Connections are paused.",
};

const tones = { approved: "ok", pending: "warn", blocked: "bad" } as const;

function StateCard({ approval }: { approval: Approval }) {
  const [asking, setAsking] = useState<ApprovalState>();
  const { workspace } = useSession();
  const name = useNames(workspace.id, [approval.decided_by]);
  const decide = useDecide(() => setAsking(undefined));
  const words = stateWords[approval.state];
  const by = approval.decided_by && (name(approval.decided_by) ?? "a former member");
  return (
    <Card className={classes.state} data-testid="approval-state">
      <div className={classes.stateText}>
        <h2>{words.heading}</h2>
        <p className={classes.soft}>
          {words.text}
          {approval.decided_at && (
            <>
              {" "}
              {by ? `Decided by ${by}, ` : "Decided "}
              <Time iso={approval.decided_at} style="long" />.
            </>
          )}
        </p>
      </div>
      <Segments<ApprovalState>
        label="State of the approval"
        value={decide.isPending && decide.variables ? decide.variables : approval.state}
        disabled={decide.isPending}
        onChange={(next) => (next === "approved" ? decide.mutate(next) : setAsking(next))}
        options={(["pending", "approved", "blocked"] as const).map((value) => ({
          value,
          title: stateWords[value].title,
          tone: tones[value],
        }))}
      />
      {asking && (
        <Stop
          state={asking}
          pending={decide.isPending}
          onConfirm={() => decide.mutate(asking)}
          onClose={() => setAsking(undefined)}
        />
      )}
    </Card>
  );
}

interface StopProps {
  state: ApprovalState;
  pending: boolean;
  onConfirm: () => void;
  onClose: () => void;
}

/** Taking the approval back touches people who work: it is asked first. */
function Stop({ state, pending, onConfirm, onClose }: StopProps) {
  const { workspace } = useSession();
  const list = useConnections(workspace.id);
  useAll(list);
  const running = (list.data?.pages ?? [])
    .flatMap((p) => p.items)
    .filter((c) => ["active", "degraded", "connecting"].includes(c.status)).length;
  const blocked = state === "blocked";
  const sync =
    running === 0 ? "No connection is running now." : running === 1 ? "One connection" : `${running} connections`;
  return (
    <Confirm
      title={blocked ? "Block Google for this workspace" : "Set the approval back to pending"}
      verb={blocked ? "Block" : "Set to pending"}
      danger={blocked}
      consequences={[
        blocked
          ? running === 0
            ? sync
            : `${sync} stop reading mail and wait until you approve again. Nothing at Google is revoked.`
          : "Connections that exist go on. Nobody can make a new one.",
        "Plugins are not given tokens; they are told that an administrator has to approve.",
        "What was imported stays and can be searched.",
        "Approve again at any time, and everything goes on where it stopped.",
      ]}
      pending={pending}
      onConfirm={onConfirm}
      onClose={onClose}
    />
  );
}

/** Members who want to connect and wait. */
function Requests({ approval }: { approval: Approval }) {
  const { workspace } = useSession();
  const decide = useDecide();
  const dismiss = useAct({
    run: (request: ApprovalRequest) => approvalApi.dismiss(workspace.id, request.user_id),
    stale: [keys.approval(workspace.id)],
    done: (_, r) => `The request of ${displayName(r.name, r.email)} is dismissed.`,
    failed: "The request was not dismissed",
  });
  if (approval.requests.length === 0) return null;
  const many = approval.requests.length > 1;
  return (
    <Section
      title={many ? `${approval.requests.length} members ask` : "A member asks"}
      note="An approval is for the whole workspace and answers everybody who asked."
      aside={
        approval.state !== "approved" && (
          <Button variant="filled" loading={decide.isPending} onClick={() => decide.mutate("approved")}>
            Approve
          </Button>
        )
      }
    >
      <Card>
        <ul className={classes.rows}>
          {approval.requests.map((request) => (
            <li key={request.user_id}>
              <div className={classes.asker}>
                <Person name={request.name} email={request.email} />
                {request.note && <blockquote className={classes.quote}>{request.note}</blockquote>}
              </div>
              <span className={classes.soft}>
                <Time iso={request.asked_at} style="ago" />
              </span>
              <Button
                variant="subtle"
                aria-label={`Dismiss the request of ${displayName(request.name, request.email)}`}
                loading={dismiss.isPending && dismiss.variables?.user_id === request.user_id}
                onClick={() => dismiss.mutate(request)}
              >
                Dismiss
              </Button>
            </li>
          ))}
        </ul>
      </Card>
    </Section>
  );
}
