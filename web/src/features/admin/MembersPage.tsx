import { Button, Menu, Select, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { Ellipsis, Plus, Search, UserPlus, UserRoundSearch } from "lucide-react";
import { useState } from "react";
import { useSession } from "@/app/session";
import { useAct } from "@/hooks/useAct";
import { rows } from "@/hooks/usePages";
import { invitationsApi, peopleApi } from "@/lib/adminApi";
import { left } from "@/lib/countdown";
import { keys } from "@/lib/keys";
import { displayName } from "@/lib/people";
import { recordKeys } from "@/lib/records";
import type { Invitation, Member, Role } from "@/lib/types";
import { Confirm } from "@/ui/Confirm";
import { Empty, Page, Person, Section, Time } from "@/ui/kit";
import { More } from "@/ui/More";
import { Cell, Table } from "@/ui/Table";
import classes from "./admin.module.css";
import { InviteDialog } from "./InviteDialog";
import { List } from "./parts";
import { mayChange, rolesFor } from "./roles";
import { useInvitations, useMembers, useOwners } from "./useAdmin";

export function MembersPage() {
  const { workspace } = useSession();
  const [inviting, setInviting] = useState(false);
  const [text, setText] = useState("");
  const [q] = useDebouncedValue(text.trim(), 200);
  const list = useMembers(workspace.id, q);
  const members = rows(list.data);
  return (
    <Page
      title="Members"
      wide
      lead={`Who can sign in to ${workspace.name}, and what they may do.`}
      aside={
        <Button size="xs" variant="filled" leftSection={<Plus size={14} />} onClick={() => setInviting(true)}>
          Invite
        </Button>
      }
    >
      <div className={classes.filters}>
        <TextInput
          aria-label="Search the members"
          placeholder="Name or address"
          leftSection={<Search size={14} />}
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
        />
      </div>
      <List
        query={list}
        what="The members"
        empty={members.length === 0}
        whenEmpty={<Empty icon={<UserRoundSearch size={18} />} title="Nobody matches" />}
      >
        <MemberTable members={members} />
      </List>
      <More list={list} />
      <Invitations onInvite={() => setInviting(true)} />
      {inviting && <InviteDialog workspaceId={workspace.id} mine={workspace.role} onClose={() => setInviting(false)} />}
    </Page>
  );
}

const columns = [
  { id: "who", title: "Member" },
  { id: "joined", title: "Since", wide: true, width: "8rem" },
  { id: "role", title: "Role", width: "11rem" },
  { id: "more", title: "More", hidden: true, end: true, width: "3.5rem" },
];

function MemberTable({ members }: { members: Member[] }) {
  const { workspace, user } = useSession();
  const [leaving, setLeaving] = useState<Member>();
  const changeRole = useAct({
    run: ({ member, role }: { member: Member; role: Role }) => peopleApi.changeRole(workspace.id, member.user_id, role),
    stale: [keys.members(workspace.id), keys.me],
    done: (_, { member }) => `The role of ${displayName(member.name, member.email)} is changed.`,
    failed: "The role was not changed",
  });
  const owners = useOwners(workspace.id);
  return (
    <>
      <Table columns={columns} label="Members">
        {members.map((member) => {
          const why = mayChange(workspace.role, member.role, owners);
          const name = displayName(member.name, member.email);
          const pending = changeRole.isPending && changeRole.variables?.member.user_id === member.user_id;
          return (
            <tr key={member.user_id}>
              <Cell main>
                <Person name={member.name} email={member.email} />
              </Cell>
              <Cell wide quiet>
                <Time iso={member.joined_at} style="long" />
              </Cell>
              <Cell>
                {why ? (
                  <span className={classes.fixed} title={why}>
                    {roleNames[member.role]}
                  </span>
                ) : (
                  <Select
                    aria-label={`Role of ${name}`}
                    size="xs"
                    w={150}
                    disabled={pending}
                    data={rolesFor(workspace.role, member.role)}
                    value={member.role}
                    onChange={(role) =>
                      role && role !== member.role && changeRole.mutate({ member, role: role as Role })
                    }
                  />
                )}
              </Cell>
              <Cell end>
                {member.user_id === user.id ? (
                  <span className={classes.you}>You</span>
                ) : (
                  <Menu position="bottom-end" width={230}>
                    <Menu.Target>
                      <Button variant="subtle" px={6} aria-label={`More for ${name}`}>
                        <Ellipsis size={16} />
                      </Button>
                    </Menu.Target>
                    <Menu.Dropdown>
                      <Menu.Item
                        color="var(--bad)"
                        disabled={why !== undefined}
                        title={why}
                        onClick={() => setLeaving(member)}
                      >
                        Remove from the workspace
                      </Menu.Item>
                    </Menu.Dropdown>
                  </Menu>
                )}
              </Cell>
            </tr>
          );
        })}
      </Table>
      {leaving && <Remove member={leaving} onClose={() => setLeaving(undefined)} />}
    </>
  );
}

function Remove({ member, onClose }: { member: Member; onClose: () => void }) {
  const { workspace } = useSession();
  const name = displayName(member.name, member.email);
  const [successor, setSuccessor] = useState<string | null>(null);
  const remove = useAct({
    run: () => peopleApi.remove(workspace.id, member.user_id, successor ?? undefined),
    stale: [keys.members(workspace.id), keys.admin.all(workspace.id), recordKeys.all(workspace.id)],
    done: () => `${name} is removed.`,
    onDone: onClose,
  });
  return (
    <Confirm
      title={`Remove ${name}`}
      verb={`Remove ${name}`}
      danger
      consequences={[
        `${name} cannot sign in to ${workspace.name} any more; what they have open stops working at once.`,
        "Their Google accounts are disconnected here. Mail that was imported stays, and keeps who may see it.",
        "Their API keys are revoked: programs that use them stop working.",
        "They can be invited again later.",
      ]}
      pending={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate()}
      onClose={onClose}
    >
      <Successor of={member} value={successor} onChange={setSuccessor} />
    </Confirm>
  );
}

interface SuccessorProps {
  of: Member;
  value: string | null;
  onChange: (user: string | null) => void;
}

function Successor({ of, value, onChange }: SuccessorProps) {
  const { workspace } = useSession();
  const [text, setText] = useState("");
  const [chosen, setChosen] = useState<{ value: string; label: string }>();
  const [q] = useDebouncedValue(chosen?.label === text ? "" : text.trim(), 200);
  const found = rows(useMembers(workspace.id, q).data)
    .filter((m) => m.user_id !== of.user_id)
    .map((m) => ({ value: m.user_id, label: displayName(m.name, m.email) }));
  const data = !chosen || found.some((m) => m.value === chosen.value) ? found : [chosen, ...found];
  return (
    <Select
      mt="sm"
      label="Give their records and open tasks to"
      description="It takes a while where there are many. Until then they are shown under the name of who had them."
      placeholder="Nobody"
      data={data}
      filter={({ options }) => options} // the server has found them
      searchable
      clearable
      nothingFoundMessage="Nobody matches"
      value={value}
      searchValue={text}
      onSearchChange={setText}
      onChange={(user) => {
        setChosen(data.find((m) => m.value === user));
        onChange(user);
      }}
    />
  );
}

const inviteColumns = [
  { id: "who", title: "Invited" },
  { id: "role", title: "Role", wide: true, width: "9rem" },
  { id: "until", title: "Ends", width: "8rem" },
  { id: "more", title: "Revoke", hidden: true, end: true, width: "6rem" },
];

const roleNames: Record<Role, string> = { owner: "Owner", admin: "Administrator", member: "Member" };

export const openInvitations = (all: Invitation[], now = new Date()) => all.filter((i) => new Date(i.expires_at) > now);

function Invitations({ onInvite }: { onInvite: () => void }) {
  const { workspace } = useSession();
  const list = useInvitations(workspace.id);
  const open = openInvitations(rows(list.data));
  const revoke = useAct({
    run: (invitation: Invitation) => invitationsApi.revoke(workspace.id, invitation.id),
    stale: [keys.admin.invitations(workspace.id)],
    done: (_, i) => `The invitation of ${i.email} is worthless now.`,
    failed: "The invitation was not revoked",
  });
  return (
    <Section title="Open invitations" note="A link works once and for seven days. It is shown when it is made.">
      <List
        query={list}
        what="The invitations"
        rows={2}
        empty={open.length === 0}
        whenEmpty={
          <Empty
            icon={<UserPlus size={18} />}
            title="Nobody is invited"
            action={<Button onClick={onInvite}>Invite somebody</Button>}
          >
            An invitation is a link you send yourself, by mail or chat.
          </Empty>
        }
      >
        <Table columns={inviteColumns} label="Open invitations">
          {open.map((invitation) => (
            <tr key={invitation.id}>
              <Cell main>
                <Person name={invitation.name} email={invitation.email} />
              </Cell>
              <Cell wide>{roleNames[invitation.role]}</Cell>
              <Cell quiet label="Ends">
                {left(invitation.expires_at)}
              </Cell>
              <Cell end>
                <Button
                  size="xs"
                  aria-label={`Revoke the invitation of ${invitation.email}`}
                  loading={revoke.isPending && revoke.variables?.id === invitation.id}
                  onClick={() => revoke.mutate(invitation)}
                >
                  Revoke
                </Button>
              </Cell>
            </tr>
          ))}
        </Table>
      </List>
      <More list={list} />
    </Section>
  );
}
