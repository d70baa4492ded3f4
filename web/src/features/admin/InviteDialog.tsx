import { Button, Modal, PasswordInput, TextInput } from "@mantine/core";
import { Mail } from "lucide-react";
import { type FormEvent, useState } from "react";
import { useSession } from "@/app/session";
import { useAct } from "@/hooks/useAct";
import { invitationsApi } from "@/lib/adminApi";
import { membersApi } from "@/lib/api";
import { comingDate } from "@/lib/countdown";
import { keys } from "@/lib/keys";
import { Problem } from "@/lib/problem";
import type { CreatedInvitation, Member, Role } from "@/lib/types";
import { ChoiceCards, Segments } from "@/ui/Choice";
import { DialogFoot, DialogProblem } from "@/ui/Confirm";
import { CopyLine, CopyWords } from "@/ui/Copy";
import classes from "./admin.module.css";
import { Once } from "./parts";
import { roleDetails, rolesFor } from "./roles";

type Way = "link" | "password";

interface Props {
  workspaceId: string;
  mine: Role;
  onClose: () => void;
}

/** Lets somebody in: by a link they open, or at once with a first password. */
export function InviteDialog({ workspaceId, mine, onClose }: Props) {
  const [made, setMade] = useState<CreatedInvitation>();
  return (
    <Modal
      opened
      size="lg"
      onClose={onClose}
      title={made ? "Send this link" : "Invite somebody"}
      closeButtonProps={{ "aria-label": "Close" }}
    >
      {made ? (
        <Made invitation={made} onClose={onClose} />
      ) : (
        <Form workspaceId={workspaceId} mine={mine} onMade={setMade} onClose={onClose} />
      )}
    </Modal>
  );
}

function Form({ workspaceId, mine, onMade, onClose }: Props & { onMade: (made: CreatedInvitation) => void }) {
  const [way, setWay] = useState<Way>("link");
  const [form, setForm] = useState({ email: "", name: "", role: "member" as Role, password: "" });
  const email = form.email.trim();
  const invite = useAct<void, CreatedInvitation | Member>({
    run: () =>
      way === "link"
        ? invitationsApi.create(workspaceId, { email, name: form.name.trim(), role: form.role })
        : membersApi.add(workspaceId, { ...form, email, password: form.password || undefined }),
    stale: [keys.admin.invitations(workspaceId), keys.members(workspaceId)],
    done: way === "password" ? () => `${form.name || email} can sign in now.` : undefined,
    onDone: (result) => ("url" in result ? onMade(result) : onClose()),
  });
  const fields = invite.error instanceof Problem ? invite.error.fields : {};
  const submit = (event: FormEvent) => {
    event.preventDefault();
    invite.mutate();
  };
  return (
    <form className={classes.form} onSubmit={submit}>
      <Segments<Way>
        label="How they come in"
        value={way}
        onChange={setWay}
        options={[
          { value: "link", title: "With a link" },
          { value: "password", title: "With a first password" },
        ]}
      />
      <div className={classes.pair}>
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
      </div>
      <ChoiceCards<Role>
        label="Role"
        value={form.role}
        onChange={(role) => setForm({ ...form, role })}
        options={rolesFor(mine).map((r) => ({ value: r.value, title: r.label, detail: roleDetails[r.value] }))}
      />
      {way === "password" && (
        <PasswordInput
          label="First password"
          description="At least 10 characters. Leave it empty for somebody who signs in with Google."
          autoComplete="new-password"
          value={form.password}
          error={fields.password}
          onChange={(event) => setForm({ ...form, password: event.currentTarget.value })}
        />
      )}
      {Object.keys(fields).length === 0 && <DialogProblem error={invite.error} />}
      <DialogFoot>
        <Button variant="subtle" onClick={onClose}>
          Cancel
        </Button>
        <Button type="submit" variant="filled" loading={invite.isPending}>
          {way === "link" ? "Make the link" : "Add"}
        </Button>
      </DialogFoot>
    </form>
  );
}

function Made({ invitation, onClose }: { invitation: CreatedInvitation; onClose: () => void }) {
  const { workspace } = useSession();
  const letter = mailto(
    invitation.email,
    `Join ${workspace.name} in Rapport`,
    `You are invited to ${workspace.name}. Open this link to come in. It works once, until ${comingDate(invitation.expires_at)}.\n\n${invitation.url}`,
  );
  return (
    <>
      <p className={classes.soft}>
        For <strong>{invitation.email}</strong>. Good until {comingDate(invitation.expires_at)}, and for one person.
      </p>
      <Once note="It is not shown again. If it gets lost, revoke it and make another.">
        <CopyLine text={invitation.url} what="the link" />
      </Once>
      <DialogFoot>
        <Button component="a" href={letter} leftSection={<Mail size={14} />}>
          Write a mail
        </Button>
        <CopyWords text={invitation.url}>Copy the link</CopyWords>
        <Button variant="filled" onClick={onClose}>
          Done
        </Button>
      </DialogFoot>
    </>
  );
}

/** An address that opens the mail program with a letter begun. */
export const mailto = (to: string, subject: string, body: string): string =>
  `mailto:${encodeURIComponent(to)}?subject=${encodeURIComponent(subject)}&body=${encodeURIComponent(body)}`;
