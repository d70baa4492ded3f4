import { Button } from "@mantine/core";
import { Check, X } from "lucide-react";
import { useGoogleIntegrationConnect } from "@/hooks/useGoogleIntegration";
import { scopeText } from "@/lib/scopes";
import type { GoogleStatus } from "@/lib/types";
import { Card, Section } from "@/ui/kit";
import classes from "./settings.module.css";

/** What Google allows Rapport, and what was asked for and not given. */
export function PermissionsSection({ workspaceId, status }: { workspaceId: string; status: GoogleStatus }) {
  const { connect, isConnecting } = useGoogleIntegrationConnect(workspaceId);
  const missing = status.missing_scopes;
  return (
    <Section
      title="Permissions"
      note="Given by you at Google."
      aside={
        missing.length > 0 && (
          <Button
            variant="filled"
            loading={isConnecting}
            onClick={() => void connect(["gmail"], { connectionId: status.connection_id })}
          >
            Give the missing permission
          </Button>
        )
      }
    >
      <Card>
        <ul className={classes.scopes}>
          {missing.map((m) => (
            <li key={m.scope} data-missing>
              <X size={15} aria-label="Not given" />
              <span className={classes.strong}>{scopeText(m.scope).title}</span>
              <span className={classes.state}>
                {m.description} Off without it: {m.feature}.
              </span>
            </li>
          ))}
          {status.granted_scopes.map(scopeText).map((s) => (
            <li key={s.scope} title={s.scope}>
              <Check size={15} aria-label="Given" />
              <span className={classes.strong}>{s.title}</span>
              <span className={classes.state}>{s.detail}</span>
            </li>
          ))}
        </ul>
      </Card>
    </Section>
  );
}
