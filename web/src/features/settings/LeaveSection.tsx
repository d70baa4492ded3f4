import { Button } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { paths } from "@/app/paths";
import { chooseWorkspace, forgetSession, useSession } from "@/app/session";
import { useAct } from "@/hooks/useAct";
import { peopleApi } from "@/lib/adminApi";
import { membersApi } from "@/lib/api";
import { keys } from "@/lib/keys";
import { Confirm } from "@/ui/Confirm";
import { Card, Row, Section } from "@/ui/kit";

/** The way out of a workspace, at the end. A workspace keeps an owner. */
export function LeaveSection() {
  const { workspace } = useSession();
  const [asking, setAsking] = useState(false);
  const alone = useOnlyOwner(workspace.id, workspace.role === "owner");
  return (
    <Section title="Leave">
      <Card>
        <Row
          title={`Leave ${workspace.name}`}
          note={
            alone
              ? "You are its only owner. Make somebody else an owner first."
              : "You no longer see it. Somebody has to invite you to come back."
          }
        >
          <Button data-danger disabled={alone !== false} onClick={() => setAsking(true)}>
            Leave
          </Button>
        </Row>
      </Card>
      {asking && <Leave onClose={() => setAsking(false)} />}
    </Section>
  );
}

/** Undefined until it is known. */
function useOnlyOwner(w: string, owner: boolean): boolean | undefined {
  const { data } = useQuery({
    queryKey: keys.owners(w),
    queryFn: ({ signal }) => membersApi.list(w, { role: "owner", limit: 2 }, signal),
    enabled: owner,
  });
  return owner ? data && data.items.length < 2 : false;
}

function Leave({ onClose }: { onClose: () => void }) {
  const { user, workspace, workspaces } = useSession();
  const client = useQueryClient();
  const navigate = useNavigate();
  const other = workspaces.find((w) => w.id !== workspace.id);
  const leave = useAct({
    run: () => peopleApi.remove(workspace.id, user.id),
    stale: [],
    onDone: () => {
      if (other) return chooseWorkspace(other.id);
      forgetSession(client);
      void navigate({ to: paths.login });
    },
  });
  return (
    <Confirm
      title={`Leave ${workspace.name}`}
      verb="Leave"
      danger
      consequences={[
        "Your Google accounts are disconnected here. The mail that is here already stays in the workspace, with the privacy you gave it.",
        "Your API keys of this workspace end.",
        other ? `You stay a member of ${other.name}.` : "You are signed out: it is your only workspace.",
      ]}
      pending={leave.isPending}
      error={leave.error}
      onConfirm={() => leave.mutate()}
      onClose={onClose}
    />
  );
}
