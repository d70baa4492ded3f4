import { Button, Checkbox, TagsInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { Fragment, useState } from "react";
import { useSession } from "@/app/session";
import { useAct } from "@/hooks/useAct";
import { approvalApi } from "@/lib/adminApi";
import {
  type ApprovalDraft,
  changeMeans,
  cleanDomain,
  draftChange,
  draftOf,
  productDetails,
  products,
  profiles,
  scopesFor,
  serviceName,
} from "@/lib/approval";
import { keys } from "@/lib/keys";
import { shortScope } from "@/lib/scopes";
import type { Approval, ScopeProfile } from "@/lib/types";
import { ChoiceCards } from "@/ui/Choice";
import { Card, Section } from "@/ui/kit";
import classes from "./admin.module.css";

/** What members may be asked for, and with which accounts. Shown as a draft until it is saved. */
export function AllowSection({ approval }: { approval: Approval }) {
  const { workspace } = useSession();
  const [draft, setDraft] = useState<ApprovalDraft>();
  const now = draft ?? draftOf(approval);
  const change = draft && draftChange(draft, approval);
  const save = useAct({
    run: (wish: Partial<ApprovalDraft>) => approvalApi.change(workspace.id, wish),
    stale: [keys.approval(workspace.id), keys.google.all(workspace.id)],
    done: () => "Saved.",
    failed: "This was not saved",
    onDone: () => setDraft(undefined),
  });
  const edit = (part: Partial<ApprovalDraft>) => setDraft({ ...now, ...part });
  return (
    <>
      <Section
        title="What may be asked for"
        note="The most that a connection can be given. Google's page shows each person what it is, and they decide."
      >
        <ChoiceCards<ScopeProfile>
          label="Scope profile"
          value={now.scope_profile}
          onChange={(scope_profile) => edit({ scope_profile, products: products(scope_profile) })}
          options={profiles.map((p) => ({
            ...p,
            more: <Scopes profile={p.value} chosen={p.value === now.scope_profile ? now.products : []} />,
          }))}
        />
      </Section>
      <Section title="Products" note="Members connect them one at a time; only what they use is asked for.">
        <Card>
          <ul className={classes.products}>
            {products(now.scope_profile).map((product) => {
              const chosen = now.products.includes(product);
              return (
                <li key={product}>
                  <Checkbox
                    label={serviceName(product)}
                    description={productDetails[product]}
                    checked={chosen}
                    disabled={chosen && now.products.length === 1}
                    onChange={() =>
                      edit({
                        products: chosen ? now.products.filter((p) => p !== product) : [...now.products, product],
                      })
                    }
                  />
                </li>
              );
            })}
          </ul>
        </Card>
      </Section>
      <Section title="Allowed domains" note="Which Google accounts can be connected. Empty means any.">
        <Domains value={now.allowed_domains} onChange={(allowed_domains) => edit({ allowed_domains })} />
      </Section>
      {change && (
        <section className={classes.saveBar} aria-label="Unsaved changes">
          <p>{changeMeans(change, approval).join(" ") || "Not saved yet."}</p>
          <Button variant="subtle" onClick={() => setDraft(undefined)}>
            Discard
          </Button>
          <Button variant="filled" loading={save.isPending} onClick={() => save.mutate(change)}>
            Save
          </Button>
        </section>
      )}
    </>
  );
}

function Scopes({ profile, chosen }: { profile: ScopeProfile; chosen: string[] }) {
  return (
    <ul className={classes.scopeList}>
      {scopesFor(profile, chosen).map((scope) => (
        <li key={scope} title={scope}>
          {shortScope(scope)
            .split(".")
            .map((part, i) => (
              <Fragment key={part}>
                {i > 0 && (
                  <>
                    .<wbr />
                  </>
                )}
                {part}
              </Fragment>
            ))}
        </li>
      ))}
    </ul>
  );
}

function Domains({ value, onChange }: { value: string[]; onChange: (domains: string[]) => void }) {
  return (
    <TagsInput
      aria-label="Allowed domains"
      placeholder={value.length === 0 ? "Any domain. Type one, such as northwind-lamps.example" : "Another domain"}
      value={value}
      splitChars={[",", " ", ";"]}
      acceptValueOnBlur
      onChange={(typed) => {
        const clean = typed.map((t) => [t, cleanDomain(t)] as const);
        const wrong = clean.find(([, domain]) => !domain);
        if (wrong) notifications.show({ color: "red", message: `“${wrong[0]}” is not a domain.` });
        onChange([...new Set(clean.flatMap(([, domain]) => domain ?? []))]);
      }}
    />
  );
}
