import { Button, PasswordInput, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, Navigate, useNavigate, useParams } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { paths } from "@/app/paths";
import { meQuery } from "@/app/session";
import { invitationsApi } from "@/lib/adminApi";
import { sessionApi } from "@/lib/api";
import { comingDate } from "@/lib/countdown";
import { keys } from "@/lib/keys";
import { Problem } from "@/lib/problem";
import type { InvitationView } from "@/lib/types";
import { GoogleMark } from "@/ui/GoogleMark";
import { Bone } from "@/ui/kit";
import { NewPassword } from "@/ui/NewPassword";
import classes from "./auth.module.css";
import { FormProblem } from "./FormProblem";
import { Frame } from "./Frame";

const roles = { owner: "an owner", admin: "an administrator", member: "a member" };

/** Stands for the token in the address to come back to from Google. */
const again = "again";
const kept = "rapport:invitation";

/** Where an invited person comes in. */
export function InvitePage() {
  const { token: named } = useParams({ from: "/invite/$token" });
  const token = named === again ? (sessionStorage.getItem(kept) ?? named) : named;
  const me = useQuery(meQuery);
  const invitation = useQuery({
    queryKey: keys.invitation(token),
    queryFn: ({ signal }) => invitationsApi.view(token, signal),
    retry: false,
    staleTime: Number.POSITIVE_INFINITY,
  });
  if (invitation.isPending) {
    return (
      <Frame title="Your invitation" lead="One moment.">
        <div className={classes.form} role="status" aria-label="Loading">
          <Bone height={38} />
          <Bone height={38} />
        </div>
      </Frame>
    );
  }
  if (!invitation.data) {
    // Who belonged nowhere has accepted by signing in.
    if (named === again && me.data) return <Navigate to={paths.connect} replace />;
    return <Spent error={invitation.error} />;
  }
  const signedIn = me.data?.user.email === invitation.data.email;
  return <Accept token={token} invitation={invitation.data} signedIn={signedIn} />;
}

function Spent({ error }: { error: unknown }) {
  const gone = error instanceof Problem && (error.status === 404 || error.status === 410);
  return (
    <Frame
      title={gone ? "This invitation is no longer good" : "The invitation could not be opened"}
      lead={
        gone
          ? "It was used already, it was taken back, or its seven days are over. Ask whoever invited you for a new one."
          : "Try again in a moment."
      }
    >
      {!gone && <FormProblem error={error} />}
      <Button component={Link} to={paths.login} size="md" fullWidth mt={gone ? 0 : 16}>
        Go to sign-in
      </Button>
    </Frame>
  );
}

interface AcceptProps {
  token: string;
  invitation: InvitationView;
  /** With the account that is invited. */
  signedIn: boolean;
}

function Accept({ token, invitation, signedIn }: AcceptProps) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const [name, setName] = useState(invitation.name);
  const [password, setPassword] = useState("");
  const accept = useMutation({
    mutationFn: () => invitationsApi.accept(token, { name: name.trim(), password }),
    onSuccess: async () => {
      await client.fetchQuery({ ...meQuery, staleTime: 0 });
      await navigate({ to: paths.connect, replace: true });
    },
  });
  const fields = accept.error instanceof Problem ? accept.error.fields : {};
  const submit = (event: FormEvent) => {
    event.preventDefault();
    accept.mutate();
  };
  const passwordField = {
    name: "password",
    required: true,
    withAsterisk: false,
    value: password,
    error: fields.password,
    onChange: (event: { currentTarget: HTMLInputElement }) => setPassword(event.currentTarget.value),
  };
  const by = invitation.invited_by ? `${invitation.invited_by} invites you` : "You are invited";
  return (
    <Frame
      title={`Join ${invitation.workspace_name}`}
      lead={`${by} as ${roles[invitation.role]}, with the address ${invitation.email}.`}
      foot={`This link works once, until ${comingDate(invitation.expires_at)}.`}
    >
      {invitation.google_sign_in && !signedIn && (
        <>
          <Button
            component="a"
            href={sessionApi.googleSignInUrl(invitation.has_account ? `/invite/${again}` : paths.connect)}
            onClick={() => sessionStorage.setItem(kept, token)}
            size="md"
            fullWidth
            leftSection={<GoogleMark />}
          >
            Continue with Google
          </Button>
          <div className={classes.or}>or with a password</div>
        </>
      )}
      <form className={classes.form} onSubmit={submit}>
        {signedIn && <p>You are signed in as {invitation.email}. You stay in the workspaces you have.</p>}
        {!invitation.has_account && (
          <TextInput
            label="Your name"
            name="name"
            autoComplete="name"
            required
            withAsterisk={false}
            value={name}
            error={fields.name}
            onChange={(event) => setName(event.currentTarget.value)}
          />
        )}
        {signedIn ? null : invitation.has_account ? (
          <PasswordInput
            label="Your password"
            description="You have an account here already: its password lets you in."
            autoComplete="current-password"
            {...passwordField}
          />
        ) : (
          <NewPassword label="Password" {...passwordField} />
        )}
        {Object.keys(fields).length === 0 && <FormProblem error={accept.error} />}
        <Button type="submit" variant="filled" size="md" loading={accept.isPending}>
          Join
        </Button>
      </form>
    </Frame>
  );
}
