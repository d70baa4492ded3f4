import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { Ticket, Timer } from "lucide-react";
import { useState } from "react";
import { paths } from "@/app/paths";
import { useSession } from "@/app/session";
import { useAct } from "@/hooks/useAct";
import { useNames } from "@/hooks/useNames";
import { rows } from "@/hooks/usePages";
import { tokensApi } from "@/lib/adminApi";
import { serviceName } from "@/lib/approval";
import { left } from "@/lib/countdown";
import { count } from "@/lib/format";
import { keys } from "@/lib/keys";
import type { Lease, ServiceToken } from "@/lib/types";
import { Confirm } from "@/ui/Confirm";
import { Empty, Page, Pill, Section, Time } from "@/ui/kit";
import { More } from "@/ui/More";
import { Cell, Table } from "@/ui/Table";
import classes from "./admin.module.css";
import { List, Tags } from "./parts";
import { bySubject, leaseState, tokenState } from "./tokens";
import { useLeases, useTokens } from "./useAdmin";

export function TokensPage() {
  return (
    <Page
      title="Tokens"
      wide
      lead="Which people authorised which Google service for plugins, and which leases are running. Every token that is handed out stands in the audit log."
    >
      <Authorised />
      <Leases />
    </Page>
  );
}

const columns = [
  { id: "user", title: "User" },
  { id: "service", title: "Service" },
  { id: "account", title: "Google account", wide: true },
  { id: "state", title: "State", wide: true },
  { id: "used", title: "Last used", wide: true, width: "7rem" },
  { id: "act", title: "Revoke", hidden: true, end: true, width: "6rem" },
];

function Authorised() {
  const { workspace } = useSession();
  const list = useTokens(workspace.id);
  const [revoking, setRevoking] = useState<ServiceToken>();
  const all = rows(list.data);
  const subjects = bySubject(all);
  const name = useNames(
    workspace.id,
    all.map((token) => token.user_id),
  );
  return (
    <Section title="Authorised users">
      <List
        query={list}
        what="The tokens"
        empty={subjects.length === 0}
        whenEmpty={
          <Empty
            icon={<Ticket size={18} />}
            title="No plugin has been authorised"
            action={
              <Button component={Link} to={paths.adminKeys}>
                Create a key for a plugin
              </Button>
            }
          >
            A plugin with a key sends its users to Google for one service; what they allow is listed here.
          </Empty>
        }
      >
        <Table columns={columns} label="Authorised users">
          {subjects.flatMap(({ subject, tokens }) =>
            tokens.map((token, i) => {
              const state = tokenState(token);
              return (
                <tr key={token.id}>
                  <Cell main>
                    <span className={i === 0 ? classes.strong : classes.again}>{name(subject) ?? subject}</span>
                  </Cell>
                  <Cell>{serviceName(token.service)}</Cell>
                  <Cell wide quiet>
                    {token.google_email}
                  </Cell>
                  <Cell wide>
                    <Pill tone={state.tone}>{state.label}</Pill>
                  </Cell>
                  <Cell wide quiet>
                    {token.last_used_at ? <Time iso={token.last_used_at} style="ago" /> : "never"}
                  </Cell>
                  <Cell end>
                    {token.status !== "revoked" && (
                      <Button
                        size="xs"
                        aria-label={`Revoke ${serviceName(token.service)} of ${name(subject) ?? subject}`}
                        onClick={() => setRevoking(token)}
                      >
                        Revoke
                      </Button>
                    )}
                  </Cell>
                </tr>
              );
            }),
          )}
        </Table>
      </List>
      <More list={list} />
      {revoking && (
        <Revoke
          token={revoking}
          who={name(revoking.user_id) ?? revoking.user_id}
          onClose={() => setRevoking(undefined)}
        />
      )}
    </Section>
  );
}

function Revoke({ token, who, onClose }: { token: ServiceToken; who: string; onClose: () => void }) {
  const { workspace } = useSession();
  const service = serviceName(token.service);
  const revoke = useAct({
    run: () => tokensApi.revoke(workspace.id, token.id),
    stale: [keys.admin.tokens(workspace.id), keys.admin.leases(workspace.id)],
    done: (result) => result?.message || `${service} of ${who} is revoked.`,
    onDone: onClose,
  });
  return (
    <Confirm
      title={`Revoke ${service} of ${who}`}
      verb="Revoke"
      danger
      consequences={[
        `Plugins get no ${service} tokens for ${who} any more, until ${who} authorises it again.`,
        "At Google the permission is taken back when nothing else here uses the same account; otherwise only ours is deleted.",
        "Tokens that were handed out before may work for up to an hour more.",
      ]}
      pending={revoke.isPending}
      error={revoke.error}
      onConfirm={() => revoke.mutate()}
      onClose={onClose}
    />
  );
}

const leaseColumns = [
  { id: "name", title: "Lease" },
  { id: "may", title: "May", wide: true },
  { id: "calls", title: "Calls", end: true, wide: true, width: "9rem" },
  { id: "state", title: "State", width: "9rem" },
  { id: "act", title: "Cut off", hidden: true, end: true, width: "6rem" },
];

function Leases() {
  const { workspace } = useSession();
  const list = useLeases(workspace.id);
  const cut = useAct({
    run: (lease: Lease) => tokensApi.cut(workspace.id, lease.id),
    stale: [keys.admin.leases(workspace.id)],
    done: (_, lease) => `${lease.name} is cut off.`,
    failed: "The lease was not cut off",
  });
  const all = rows(list.data);
  const name = useNames(
    workspace.id,
    all.map((lease) => lease.user_id),
  );
  return (
    <Section
      title="Leases"
      note="A program calls Google through Rapport for a short time, with some methods and paths only, and never sees the token."
    >
      <List
        query={list}
        what="The leases"
        rows={2}
        empty={all.length === 0}
        whenEmpty={
          <Empty icon={<Timer size={18} />} title="No lease was made">
            A program with a key makes one for the calls it needs. How is described under /docs.
          </Empty>
        }
      >
        <Table columns={leaseColumns} label="Leases">
          {all.map((lease) => {
            const state = leaseState(lease);
            return (
              <tr key={lease.id}>
                <Cell main>
                  <span className={classes.strong}>{lease.name || "Lease"}</span>
                  <p className={classes.fine}>
                    {serviceName(lease.service)} of {name(lease.user_id) ?? lease.user_id}
                  </p>
                </Cell>
                <Cell wide>
                  <Tags items={lease.methods} />
                  <p className={classes.paths}>{lease.paths.join("  ")}</p>
                </Cell>
                <Cell wide end>
                  <span data-number>
                    {count(lease.calls)}
                    {lease.max_calls > 0 && ` of ${count(lease.max_calls)}`}
                  </span>
                  {lease.refused > 0 && <p className={classes.fine}>{count(lease.refused)} refused</p>}
                </Cell>
                <Cell>
                  <Pill tone={state.tone}>{state.label}</Pill>
                  {state.running && <p className={classes.fine}>ends {left(lease.expires_at)}</p>}
                </Cell>
                <Cell end>
                  {state.running && (
                    <Button
                      size="xs"
                      aria-label={`Cut off ${lease.name}`}
                      loading={cut.isPending && cut.variables?.id === lease.id}
                      onClick={() => cut.mutate(lease)}
                    >
                      Cut off
                    </Button>
                  )}
                </Cell>
              </tr>
            );
          })}
        </Table>
      </List>
      <More list={list} />
    </Section>
  );
}
