import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { paths } from "@/app/paths";
import { isAdmin, useSession } from "@/app/session";
import { rows, usePages } from "@/hooks/usePages";
import { membersApi } from "@/lib/api";
import { keys } from "@/lib/keys";
import type { Role } from "@/lib/types";
import { Bones, Card, Failed, Page, Person, Time } from "@/ui/kit";
import { More } from "@/ui/More";
import classes from "./settings.module.css";

const roles: Record<Role, string> = { owner: "Owner", admin: "Administrator", member: "Member" };

export function MembersPage() {
  const { workspace, user } = useSession();
  const members = usePages({
    queryKey: keys.memberList(workspace.id, ""),
    read: (cursor, signal) => membersApi.list(workspace.id, { cursor }, signal),
  });
  const mayChange = isAdmin(workspace);
  return (
    <Page
      title="Members"
      aside={
        mayChange && (
          <Button component={Link} to={paths.adminMembers} size="xs">
            Invite and manage
          </Button>
        )
      }
    >
      <Card>
        {members.isPending ? (
          <Bones rows={3} height={56} />
        ) : members.error && !members.data ? (
          <Failed error={members.error} retry={members.refetch} title="The members could not be loaded" />
        ) : (
          <ul className={classes.members}>
            {rows(members.data).map((m) => (
              <li key={m.user_id}>
                <Person name={m.user_id === user.id ? `${m.name || m.email} (you)` : m.name} email={m.email} />
                <span className={classes.joined}>
                  Since <Time iso={m.joined_at} style="long" />
                </span>
                <span className={classes.role}>{roles[m.role]}</span>
              </li>
            ))}
          </ul>
        )}
      </Card>
      <More list={members} />
      {!mayChange && <p className={classes.fine}>The owner and administrators invite members.</p>}
    </Page>
  );
}
