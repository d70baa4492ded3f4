import { Button, PasswordInput, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { Laptop, Smartphone } from "lucide-react";
import { type FormEvent, useState } from "react";
import { paths } from "@/app/paths";
import { forgetSession, useSession } from "@/app/session";
import { rows, usePages } from "@/hooks/usePages";
import { accountApi } from "@/lib/adminApi";
import { deviceName, isPhone } from "@/lib/agents";
import { keys } from "@/lib/keys";
import { explain, Problem } from "@/lib/problem";
import type { SessionRow } from "@/lib/types";
import { Confirm } from "@/ui/Confirm";
import { Bones, Card, Failed, Page, Person, Pill, Section, Time } from "@/ui/kit";
import { More } from "@/ui/More";
import { NewPassword } from "@/ui/NewPassword";
import { LeaveSection } from "./LeaveSection";
import classes from "./settings.module.css";

export function AccountPage() {
  const { user, workspaces } = useSession();
  const roles = { owner: "Owner", admin: "Administrator", member: "Member" } as const;
  return (
    <Page title="Account">
      <PasswordCleared />
      <Card>
        <div className={classes.self}>
          <Person name={user.name} email={user.email} />
          <span className={classes.state}>{workspaces.map((w) => `${roles[w.role]} of ${w.name}`).join(", ")}</span>
        </div>
      </Card>
      <Name />
      <Sessions />
      <Password />
      <LeaveSection />
    </Page>
  );
}

/** After the first sign-in with Google of an account whose password somebody else may know. */
function PasswordCleared() {
  const search: { password?: unknown; next?: unknown } = useSearch({ strict: false });
  if (search.password !== "cleared") return null;
  const next = typeof search.next === "string" && /^\/(?!\/)/.test(search.next) ? search.next : paths.home;
  return (
    <Section title="Your account is yours alone now">
      <Card>
        <p role="status">
          Google has shown who you are. Until now this account had a password that whoever invited you may know. It was
          taken away, and with it every session, program, API key and lease that was opened by it. You sign in with
          Google; you can choose a password of your own below, within 15 minutes. Look through what is connected here.
        </p>
        <div className={classes.dialogFoot}>
          <Button component="a" href={next} variant="filled">
            Go on
          </Button>
        </div>
      </Card>
    </Section>
  );
}

function Name() {
  const { user } = useSession();
  const client = useQueryClient();
  const [name, setName] = useState(user.name);
  const change = useMutation({
    mutationFn: () => accountApi.rename(name.trim()),
    onSuccess: (me) => {
      setName(me.user.name);
      client.setQueryData(keys.me, me);
      for (const w of me.workspaces) void client.invalidateQueries({ queryKey: keys.members(w.id) });
      notifications.show({ message: "Your name is changed." });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    change.mutate();
  };
  return (
    <Section title="Name" note="What colleagues see, in every workspace. Mail goes out under the name set at Gmail.">
      <Card>
        <form className={classes.passwords} onSubmit={submit}>
          <TextInput
            label="Your name"
            autoComplete="name"
            maxLength={200}
            required
            withAsterisk={false}
            value={name}
            error={change.error && explain(change.error).message}
            onChange={(event) => setName(event.currentTarget.value)}
          />
          <div className={classes.dialogFoot}>
            <Button
              type="submit"
              variant="filled"
              loading={change.isPending}
              disabled={name.trim() === "" || name.trim() === user.name}
            >
              Save
            </Button>
          </div>
        </form>
      </Card>
    </Section>
  );
}

function Sessions() {
  const [asking, setAsking] = useState(false);
  const client = useQueryClient();
  const list = usePages({ queryKey: keys.sessions, read: (cursor, signal) => accountApi.sessions(cursor, signal) });
  const end = useMutation({
    mutationFn: (session: SessionRow) => accountApi.endSession(session.id),
    onSuccess: (_, session) => notifications.show({ message: `${deviceName(session.user_agent)} is signed out.` }),
    onError: (error) => notifications.show({ color: "red", message: explain(error).message }),
    onSettled: () => client.invalidateQueries({ queryKey: keys.sessions }),
  });
  const sessions = rows(list.data).sort((a, b) => Number(b.current) - Number(a.current));
  return (
    <Section
      title="Where you are signed in"
      note="End what you do not know, and change your password then."
      aside={
        <Button data-danger onClick={() => setAsking(true)}>
          Sign out everywhere
        </Button>
      }
    >
      <Card>
        {list.isPending ? (
          <Bones rows={2} height={56} />
        ) : list.error && !list.data ? (
          <Failed error={list.error} retry={list.refetch} title="The sessions could not be loaded" />
        ) : (
          <ul className={classes.sessions}>
            {sessions.map((session) => {
              const Icon = isPhone(session.user_agent) ? Smartphone : Laptop;
              return (
                <li key={session.id}>
                  <Icon size={18} strokeWidth={1.75} />
                  <div className={classes.grow}>
                    <p className={classes.device} title={session.user_agent}>
                      {deviceName(session.user_agent)} {session.current && <Pill tone="ok">This one</Pill>}
                    </p>
                    <p className={classes.state}>
                      {session.remote && `From ${session.remote}, `}
                      {session.current ? (
                        <>
                          signed in <Time iso={session.created_at} style="long" />
                        </>
                      ) : (
                        <>
                          last used <Time iso={session.last_seen_at} style="ago" />
                        </>
                      )}
                    </p>
                  </div>
                  {!session.current && (
                    <Button
                      aria-label={`End the session of ${deviceName(session.user_agent)}`}
                      loading={end.isPending && end.variables?.id === session.id}
                      onClick={() => end.mutate(session)}
                    >
                      End
                    </Button>
                  )}
                </li>
              );
            })}
          </ul>
        )}
      </Card>
      <More list={list} />
      {asking && <Everywhere onClose={() => setAsking(false)} />}
    </Section>
  );
}

function Everywhere({ onClose }: { onClose: () => void }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const leave = useMutation({
    mutationFn: () => accountApi.signOutEverywhere(),
    onSuccess: async () => {
      forgetSession(client);
      await navigate({ to: paths.login });
    },
  });
  return (
    <Confirm
      title="Sign out everywhere"
      verb="Sign out everywhere"
      danger
      consequences={[
        "Every browser and phone is signed out, this one too.",
        "Programs that signed in with your password have to do so again.",
        "Your API keys go on working: revoke them one by one.",
        "Google stays connected.",
      ]}
      pending={leave.isPending}
      error={leave.error}
      onConfirm={() => leave.mutate()}
      onClose={onClose}
    />
  );
}

const blank = { old: "", next: "", again: "" };

function Password() {
  const client = useQueryClient();
  const [form, setForm] = useState(blank);
  const [differs, setDiffers] = useState(false);
  const change = useMutation({
    mutationFn: () => accountApi.changePassword(form.old, form.next),
    onSuccess: async () => {
      setForm(blank);
      notifications.show({ message: "Your password is changed. Your other sessions have ended." });
      await client.invalidateQueries({ queryKey: keys.sessions });
    },
  });
  const fields = change.error instanceof Problem ? change.error.fields : {};
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setDiffers(form.next !== form.again);
    if (form.next === form.again) change.mutate();
  };
  const field = (name: keyof typeof blank) => ({
    required: true,
    withAsterisk: false,
    value: form[name],
    onChange: (event: { currentTarget: HTMLInputElement }) => setForm({ ...form, [name]: event.currentTarget.value }),
  });
  return (
    <Section
      title="Password"
      note="Changing it ends your other sessions. People who sign in with Google alone have none here, and may choose one within 15 minutes of signing in."
    >
      <Card>
        <form className={classes.passwords} onSubmit={submit}>
          <PasswordInput
            label="Present password"
            autoComplete="current-password"
            description="Empty if you have none."
            error={fields.old_password}
            {...field("old")}
            required={false}
          />
          <NewPassword label="New password" error={fields.new_password} {...field("next")} />
          <PasswordInput
            label="New password once more"
            autoComplete="new-password"
            // That it is empty is told like every other difference: under the field.
            error={differs && form.next !== form.again ? "is not the same" : undefined}
            {...field("again")}
            required={false}
          />
          {change.error && Object.keys(fields).length === 0 && (
            <p className={classes.bad} role="alert">
              {explain(change.error).message}
            </p>
          )}
          <div className={classes.dialogFoot}>
            <Button type="submit" variant="filled" loading={change.isPending}>
              Change the password
            </Button>
          </div>
        </form>
      </Card>
    </Section>
  );
}
