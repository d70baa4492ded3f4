import { Button, PasswordInput, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Navigate, useNavigate, useSearch } from "@tanstack/react-router";
import { type FormEvent, useRef, useState } from "react";
import { paths } from "@/app/paths";
import { meQuery, useSetupState } from "@/app/session";
import { sessionApi } from "@/lib/api";
import { GoogleMark } from "@/ui/GoogleMark";
import classes from "./auth.module.css";
import { FormProblem } from "./FormProblem";
import { Frame } from "./Frame";

const refusals: Record<string, string> = {
  access_denied:
    "Google sign-in was cancelled, or nobody has invited this Google account yet. Ask an administrator of your workspace.",
  not_invited: "Nobody has invited this Google account yet. Ask an administrator of your workspace.",
  mailbox_not_google:
    "Google does not run the mailbox of this address, so it cannot say whose it is. Open the link of your invitation, or sign in with your password.",
  consent_expired: "That took too long, or it was begun in another browser. Start again.",
  not_member: "This Google account belongs to no member here. Ask the owner of the workspace to add you.",
};

export function LoginPage() {
  const { next, error: refused } = useSearch({ from: "/login" });
  const navigate = useNavigate();
  const client = useQueryClient();
  const setup = useSetupState();
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const passwordField = useRef<HTMLInputElement>(null);
  const signIn = useMutation({
    mutationFn: () => sessionApi.signIn(email.trim(), password),
    onSuccess: async () => {
      await client.fetchQuery({ ...meQuery, staleTime: 0 });
      await navigate({ href: next ?? paths.home, replace: true });
    },
    onError: () => {
      passwordField.current?.focus();
      passwordField.current?.select();
    },
  });
  const google = setup.data?.google_sign_in;
  if (setup.data?.needed) return <Navigate to={paths.setup} replace />;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    signIn.mutate();
  };
  return (
    <Frame
      title="Sign in"
      lead="Your mail, your people and your calendar, in one place."
      foot={
        google
          ? "Forgot your password? Sign in with Google, with the same address."
          : setup.data &&
            "Forgot your password? It cannot be reset here. Once an administrator has set up Google, you can sign in with Google, with the same address."
      }
    >
      {refused && (
        <div className={classes.problem} role="alert" style={{ marginBottom: 16 }}>
          {refusals[refused] ?? "Google sign-in did not work. Try again, or use your password."}
        </div>
      )}
      {google && (
        <>
          <Button
            component="a"
            href={sessionApi.googleSignInUrl(next ?? paths.home)}
            size="md"
            fullWidth
            leftSection={<GoogleMark />}
          >
            Sign in with Google
          </Button>
          <div className={classes.or}>or with your password</div>
        </>
      )}
      <form className={classes.form} onSubmit={submit}>
        <TextInput
          label="E-mail address"
          type="email"
          name="email"
          autoComplete="username"
          required
          withAsterisk={false}
          value={email}
          onChange={(event) => setEmail(event.currentTarget.value)}
        />
        <PasswordInput
          ref={passwordField}
          label="Password"
          name="password"
          autoComplete="current-password"
          required
          withAsterisk={false}
          value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
        />
        <FormProblem error={signIn.error} />
        <Button type="submit" variant="filled" size="md" loading={signIn.isPending}>
          Sign in
        </Button>
      </form>
    </Frame>
  );
}
