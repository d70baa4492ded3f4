import { Button, Modal, PasswordInput, Select, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import { type FormEvent, useState } from "react";
import { useSession } from "@/app/session";
import { membersApi } from "@/lib/api";
import { keys } from "@/lib/keys";
import { explain, Problem } from "@/lib/problem";
import type { NewMember, Role } from "@/lib/types";
import { Bones, Card, Failed, Page, Person, Time } from "@/ui/kit";
import classes from "./settings.module.css";

const roles: Record<Role, string> = { owner: "Owner", admin: "Administrator", member: "Member" };

export function MembersPage() {
  const { workspace, user } = useSession();
  const [adding, setAdding] = useState(false);
  const members = useQuery({
    queryKey: keys.members(workspace.id),
    queryFn: ({ signal }) => membersApi.list(workspace.id, signal),
  });
  const mayAdd = workspace.role !== "member";
  return (
    <Page
      title="Members"
      aside={
        mayAdd && (
          <Button size="xs" variant="filled" leftSection={<Plus size={14} />} onClick={() => setAdding(true)}>
            Add a member
          </Button>
        )
      }
    >
      <Card>
        {members.isPending ? (
          <Bones rows={3} height={56} />
        ) : members.error ? (
          <Failed error={members.error} retry={members.refetch} title="The members could not be loaded" />
        ) : (
          <ul className={classes.members}>
            {members.data.items.map((m) => (
              <li key={m.user_id}>
                <Person name={m.user_id === user.id ? `${m.name || m.email} (you)` : m.name} email={m.email} />
                <span className={classes.joined}>
                  Since <Time iso={m.joined_at} />
                </span>
                <span className={classes.role}>{roles[m.role]}</span>
              </li>
            ))}
          </ul>
        )}
      </Card>
      {!mayAdd && <p className={classes.fine}>The owner and administrators add members.</p>}
      {adding && <AddMember workspaceId={workspace.id} mine={workspace.role} onClose={() => setAdding(false)} />}
    </Page>
  );
}

const blank = { email: "", name: "", role: "member" as Role, password: "" };

function AddMember({ workspaceId, mine, onClose }: { workspaceId: string; mine: Role; onClose: () => void }) {
  const client = useQueryClient();
  const [form, setForm] = useState(blank);
  const add = useMutation({
    mutationFn: (member: NewMember) => membersApi.add(workspaceId, member),
    onSuccess: async (member) => {
      await client.invalidateQueries({ queryKey: keys.members(workspaceId) });
      notifications.show({ message: `${member.name || member.email} can sign in now.` });
      onClose();
    },
  });
  const fields = add.error instanceof Problem ? add.error.fields : {};
  const submit = (event: FormEvent) => {
    event.preventDefault();
    add.mutate({ ...form, email: form.email.trim(), password: form.password || undefined });
  };
  const choices = (Object.keys(roles) as Role[]).filter((role) => role !== "owner" || mine === "owner");
  return (
    <Modal opened onClose={onClose} title="Add a member" closeButtonProps={{ "aria-label": "Close" }}>
      <form className={classes.form} onSubmit={submit}>
        <TextInput
          label="E-mail address"
          type="email"
          required
          withAsterisk={false}
          data-autofocus
          value={form.email}
          error={fields.email}
          onChange={(event) => setForm({ ...form, email: event.currentTarget.value })}
        />
        <TextInput
          label="Name"
          value={form.name}
          error={fields.name}
          onChange={(event) => setForm({ ...form, name: event.currentTarget.value })}
        />
        <Select
          label="Role"
          data={choices.map((role) => ({ value: role, label: roles[role] }))}
          value={form.role}
          onChange={(role) => setForm({ ...form, role: (role ?? "member") as Role })}
        />
        <PasswordInput
          label="First password"
          description="At least 10 characters. Leave it empty for somebody who signs in with Google."
          autoComplete="new-password"
          value={form.password}
          error={fields.password}
          onChange={(event) => setForm({ ...form, password: event.currentTarget.value })}
        />
        {add.error && Object.keys(fields).length === 0 && (
          <p className={classes.bad} role="alert">
            {explain(add.error).message}
          </p>
        )}
        <div className={classes.dialogFoot}>
          <Button variant="subtle" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" variant="filled" loading={add.isPending}>
            Add
          </Button>
        </div>
      </form>
    </Modal>
  );
}
