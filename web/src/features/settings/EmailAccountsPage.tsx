import { Button, Checkbox, Menu } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { AtSign, ChevronDown, Plus } from "lucide-react";
import { useState } from "react";
import { useWorkspaceId } from "@/app/session";
import { useAct } from "@/hooks/useAct";
import type { Tone } from "@/lib/connection";
import type { EmailAccount, EmailAccountTest } from "@/lib/generated/api";
import { keys } from "@/lib/keys";
import { emailAccountsApi } from "@/lib/mailApi";
import { Confirm } from "@/ui/Confirm";
import { GoogleMark } from "@/ui/GoogleMark";
import { Bones, Card, Empty, Failed, Page, Pill, Time } from "@/ui/kit";
import { EmailAccountDialog } from "./EmailAccountDialog";
import classes from "./settings.module.css";
import { TestSteps } from "./TestSteps";

export const states: Record<EmailAccount["state"], { tone: Tone; label: string }> = {
  waiting: { tone: "busy", label: "Beginning" },
  active: { tone: "ok", label: "Works" },
  failing: { tone: "warn", label: "Trying again" },
  needs_login: { tone: "bad", label: "Cannot sign in" },
};

export function EmailAccountsPage() {
  const workspaceId = useWorkspaceId();
  const [adding, setAdding] = useState(false);
  const accounts = useQuery({
    queryKey: keys.emailAccounts(workspaceId),
    queryFn: ({ signal }) => emailAccountsApi.list(workspaceId, signal),
    refetchInterval: (query) => (query.state.data?.items.some((a) => a.state === "waiting") ? 3000 : false),
  });
  const add = (
    <Button variant="filled" leftSection={<Plus size={14} />} onClick={() => setAdding(true)}>
      Add an account
    </Button>
  );
  return (
    <Page
      title="E-mail accounts"
      lead="Mailboxes of any provider, read by IMAP and sent from by SMTP. Their mail stands in the same inbox, under the same rules."
      aside={accounts.data && accounts.data.items.length > 0 && add}
    >
      {accounts.isPending ? (
        <Card>
          <Bones rows={3} height={64} />
        </Card>
      ) : !accounts.data ? (
        <Failed error={accounts.error} retry={accounts.refetch} title="The accounts could not be loaded" />
      ) : accounts.data.items.length === 0 ? (
        <Card>
          <Empty title="No e-mail accounts" action={add}>
            For a mailbox at Google, connecting Google under Integrations is quicker. Add an account here for any other
            provider, or to read Gmail by IMAP.
          </Empty>
        </Card>
      ) : (
        accounts.data.items.map((account) => <Account key={account.id} workspaceId={workspaceId} account={account} />)
      )}
      {adding && <EmailAccountDialog workspaceId={workspaceId} onClose={() => setAdding(false)} />}
    </Page>
  );
}

type Asked = "change" | "remove";

function Account({ workspaceId, account }: { workspaceId: string; account: EmailAccount }) {
  const [asked, setAsked] = useState<Asked>();
  const [result, setResult] = useState<EmailAccountTest>();
  const stale = [keys.emailAccounts(workspaceId)];
  const test = useAct({
    run: () => emailAccountsApi.test(workspaceId, account.id),
    stale,
    failed: "The account could not be tested",
    onDone: setResult,
  });
  const sync = useAct({
    run: () => emailAccountsApi.sync(workspaceId, account.id),
    stale: [...stale, keys.mail.all(workspaceId)],
    failed: "The account could not be synced",
    done: () => `Rapport looks into ${account.email} now.`,
  });
  const state = states[account.state];
  return (
    <Card>
      <div className={classes.account}>
        <span className={classes.logo}>{account.google ? <GoogleMark size={20} /> : <AtSign size={20} />}</span>
        <div className={classes.accountText}>
          <div className={classes.accountName}>
            <h2>{account.email}</h2>
            <Pill tone={state.tone}>{state.label}</Pill>
          </div>
          <p className={classes.state}>
            {account.error ? `${account.error} ${account.next_step}` : `${account.imap.host} and ${account.smtp.host}`}
            {account.last_sync_at && (
              <>
                , last look <Time iso={account.last_sync_at} style="ago" />
              </>
            )}
          </p>
        </div>
        <div className={classes.actions}>
          {account.consent_url ? (
            <Button component="a" href={account.consent_url} variant="filled" leftSection={<GoogleMark size={14} />}>
              Connect with Google
            </Button>
          ) : (
            <Button loading={sync.isPending} onClick={() => sync.mutate()}>
              Sync now
            </Button>
          )}
          <Menu position="bottom-end">
            <Menu.Target>
              <Button rightSection={<ChevronDown size={14} />} loading={test.isPending}>
                More
              </Button>
            </Menu.Target>
            <Menu.Dropdown>
              <Menu.Item onClick={() => test.mutate()}>Test the connection</Menu.Item>
              <Menu.Item onClick={() => setAsked("change")}>Change it</Menu.Item>
              <Menu.Divider />
              <Menu.Item color="red" onClick={() => setAsked("remove")}>
                Remove it
              </Menu.Item>
            </Menu.Dropdown>
          </Menu>
        </div>
      </div>
      {result && <TestSteps test={result} />}
      {asked === "change" && (
        <EmailAccountDialog workspaceId={workspaceId} account={account} onClose={() => setAsked(undefined)} />
      )}
      {asked === "remove" && <Remove workspaceId={workspaceId} account={account} onClose={() => setAsked(undefined)} />}
    </Card>
  );
}

function Remove({
  workspaceId,
  account,
  onClose,
}: {
  workspaceId: string;
  account: EmailAccount;
  onClose: () => void;
}) {
  const [data, setData] = useState(false);
  const remove = useAct({
    run: () => emailAccountsApi.remove(workspaceId, account.id, data),
    stale: [keys.emailAccounts(workspaceId), keys.mail.all(workspaceId), keys.google.all(workspaceId)],
    done: (outcome) => outcome.message || `${account.email} is removed.`,
    onDone: onClose,
  });
  return (
    <Confirm
      title={`Remove ${account.email}`}
      verb="Remove it"
      danger
      consequences={[
        "Rapport forgets how to sign in and reads nothing more.",
        data
          ? "Its messages and their files are deleted here. The mailbox at the provider stays as it is."
          : "Its messages stay here and can be searched.",
      ]}
      pending={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate()}
      onClose={onClose}
    >
      <Checkbox
        label="Delete its messages here, too"
        checked={data}
        onChange={(event) => setData(event.currentTarget.checked)}
      />
    </Confirm>
  );
}
