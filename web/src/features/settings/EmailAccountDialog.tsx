import { Button, Modal, NumberInput, PasswordInput, Select, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { useAct } from "@/hooks/useAct";
import type { EmailAccount, EmailAccountTest, MailServer, NewEmailAccount } from "@/lib/generated/api";
import { keys } from "@/lib/keys";
import { emailAccountsApi } from "@/lib/mailApi";
import { Problem } from "@/lib/problem";
import { DialogFoot, DialogProblem } from "@/ui/Confirm";
import { GoogleMark } from "@/ui/GoogleMark";
import classes from "./accounts.module.css";
import { TestSteps } from "./TestSteps";

/** Where mail of Gmail is read and sent, and no other host: there Google's sign-in takes the place of a password. */
export const gmail = { imap: "imap.gmail.com", smtp: "smtp.gmail.com" };

const gmailDomains = ["gmail.com", "googlemail.com"];

/** The servers that an address most likely has. */
export function guess(email: string): { imap: string; smtp: string } | undefined {
  const domain = email.split("@")[1]?.trim().toLowerCase();
  if (!domain?.includes(".")) return undefined;
  if (gmailDomains.includes(domain)) return gmail;
  return { imap: `imap.${domain}`, smtp: `smtp.${domain}` };
}

export const isGmail = (account: Pick<NewEmailAccount, "imap" | "smtp">): boolean =>
  account.imap.host.trim().toLowerCase() === gmail.imap || account.smtp.host.trim().toLowerCase() === gmail.smtp;

const ports: Record<"imap" | "smtp", Record<string, number>> = {
  imap: { tls: 993, starttls: 143 },
  smtp: { tls: 465, starttls: 587 },
};

const server = (kind: "imap" | "smtp"): MailServer => ({ host: "", port: ports[kind].tls, security: "tls" });

interface Props {
  workspaceId: string;
  account?: EmailAccount;
  onClose: () => void;
}

export function EmailAccountDialog({ workspaceId, account, onClose }: Props) {
  const [draft, setDraft] = useState<NewEmailAccount>(
    account
      ? { email: account.email, name: account.name, imap: account.imap, smtp: account.smtp }
      : { email: "", name: "", imap: server("imap"), smtp: server("smtp") },
  );
  const [touched, setTouched] = useState(account !== undefined);
  const [result, setResult] = useState<EmailAccountTest>();
  const google = isGmail(draft);
  const wish = (): NewEmailAccount => ({ ...draft, password: google ? undefined : draft.password || undefined });
  const save = useAct<void, EmailAccount>({
    run: () =>
      account
        ? emailAccountsApi.change(workspaceId, account.id, {
            name: draft.name,
            imap: draft.imap,
            smtp: draft.smtp,
            password: wish().password,
          })
        : emailAccountsApi.add(workspaceId, wish()),
    stale: [keys.emailAccounts(workspaceId), keys.google.all(workspaceId)],
    onDone: (saved) => {
      if (saved.consent_url) location.assign(saved.consent_url);
      else onClose();
    },
  });
  const test = useAct<void, EmailAccountTest>({
    run: () => emailAccountsApi.testNew(workspaceId, wish()),
    stale: [],
    onDone: setResult,
  });
  const error = save.error ?? test.error;
  const fields = error instanceof Problem ? error.fields : {};
  const change = (next: Partial<NewEmailAccount>) => {
    setDraft({ ...draft, ...next });
    setResult(undefined);
  };
  const address = (email: string) => {
    const found = touched ? undefined : guess(email);
    change(
      found
        ? { email, imap: { ...draft.imap, host: found.imap }, smtp: { ...draft.smtp, host: found.smtp } }
        : { email },
    );
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate();
  };
  return (
    <Modal
      opened
      size="lg"
      onClose={onClose}
      title={account ? `Change ${account.email}` : "Add an e-mail account"}
      closeButtonProps={{ "aria-label": "Close" }}
    >
      <form className={classes.form} onSubmit={submit}>
        <div className={classes.pair}>
          <TextInput
            label="Address"
            type="email"
            required
            withAsterisk={false}
            data-autofocus
            disabled={account !== undefined}
            value={draft.email}
            error={fields.email}
            onChange={(event) => address(event.currentTarget.value)}
          />
          <TextInput
            label="Name as sender"
            value={draft.name}
            error={fields.name}
            onChange={(event) => change({ name: event.currentTarget.value })}
          />
        </div>
        {(["imap", "smtp"] as const).map((kind) => (
          <Server
            key={kind}
            kind={kind}
            value={draft[kind]}
            fields={fields}
            onChange={(next) => {
              setTouched(true);
              change({ [kind]: next });
            }}
          />
        ))}
        {google ? (
          <div className={classes.google}>
            <GoogleMark size={18} />
            <div>
              <strong>Gmail signs in with Google</strong>
              <p>
                No password is stored. Saving takes you to Google, which asks for permission to read and send by IMAP
                and SMTP.
              </p>
            </div>
          </div>
        ) : (
          <PasswordInput
            label="Password"
            description={
              account?.has_password
                ? "Leave it empty to keep the one that is stored."
                : "Stored encrypted, never shown again."
            }
            autoComplete="new-password"
            value={draft.password ?? ""}
            error={fields.password}
            onChange={(event) => change({ password: event.currentTarget.value })}
          />
        )}
        {result && <TestSteps test={result} />}
        {Object.keys(fields).length === 0 && <DialogProblem error={error} />}
        <DialogFoot>
          {!google && (
            <Button loading={test.isPending} onClick={() => test.mutate()}>
              Test the connection
            </Button>
          )}
          <Button variant="subtle" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" variant="filled" loading={save.isPending}>
            {google && !account ? "Connect with Google" : account ? "Save" : "Add the account"}
          </Button>
        </DialogFoot>
      </form>
    </Modal>
  );
}

function Server({
  kind,
  value,
  fields,
  onChange,
}: {
  kind: "imap" | "smtp";
  value: MailServer;
  fields: Record<string, string>;
  onChange: (value: MailServer) => void;
}) {
  const title = kind === "imap" ? "Reading (IMAP)" : "Sending (SMTP)";
  return (
    <div className={classes.server}>
      <TextInput
        label={title}
        placeholder={`${kind}.provider.example`}
        value={value.host}
        error={fields[`${kind}.host`]}
        onChange={(event) => onChange({ ...value, host: event.currentTarget.value })}
      />
      <NumberInput
        label="Port"
        min={1}
        max={65_535}
        value={value.port}
        error={fields[`${kind}.port`]}
        onChange={(port) => onChange({ ...value, port: Number(port) || 0 })}
      />
      <Select
        label="Security"
        allowDeselect={false}
        data={[
          { value: "tls", label: "TLS" },
          { value: "starttls", label: "STARTTLS" },
        ]}
        value={value.security ?? "tls"}
        onChange={(security) =>
          onChange({
            ...value,
            security: security === "starttls" ? "starttls" : "tls",
            port: ports[kind][security ?? "tls"],
          })
        }
      />
    </div>
  );
}
