import { Button, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Navigate, useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { paths } from "@/app/paths";
import { meQuery, useSetupState } from "@/app/session";
import { sessionApi } from "@/lib/api";
import { keys } from "@/lib/keys";
import { Problem } from "@/lib/problem";
import { NewPassword } from "@/ui/NewPassword";
import classes from "./auth.module.css";
import { FormProblem } from "./FormProblem";
import { Frame } from "./Frame";

export function SetupPage() {
  const client = useQueryClient();
  const navigate = useNavigate();
  const setup = useSetupState();
  const [form, setForm] = useState({ workspace_name: "", name: "", email: "", password: "" });
  const create = useMutation({
    mutationFn: () => sessionApi.setUp({ ...form, email: form.email.trim() }),
    onSuccess: async () => {
      client.setQueryData(keys.setup, { needed: false, google_sign_in: setup.data?.google_sign_in ?? false });
      await client.fetchQuery({ ...meQuery, staleTime: 0 });
      await navigate({ to: paths.connect, replace: true });
    },
  });
  if (setup.data && !setup.data.needed && !create.isPending && !create.isSuccess)
    return <Navigate to={paths.login} replace />;
  const fields = create.error instanceof Problem ? create.error.fields : {};
  const field = (name: keyof typeof form) => ({
    name,
    required: true,
    withAsterisk: false,
    value: form[name],
    error: fields[name],
    onChange: (event: { currentTarget: HTMLInputElement }) => setForm({ ...form, [name]: event.currentTarget.value }),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate();
  };
  return (
    <Frame
      title="Set up Rapport"
      lead="Nobody has an account here yet. You become the owner: you add the others and decide what is shared."
      foot="This page works once. It is closed as soon as the owner exists."
    >
      <form className={classes.form} onSubmit={submit}>
        <TextInput
          label="Name of the workspace"
          description="Your company or team"
          autoComplete="organization"
          {...field("workspace_name")}
        />
        <TextInput label="Your name" autoComplete="name" {...field("name")} />
        <TextInput label="E-mail address" type="email" autoComplete="username" {...field("email")} />
        <NewPassword label="Password" {...field("password")} />
        {Object.keys(fields).length === 0 && <FormProblem error={create.error} />}
        <Button type="submit" variant="filled" size="md" loading={create.isPending}>
          Create the workspace
        </Button>
      </form>
    </Frame>
  );
}
