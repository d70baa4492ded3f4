import { Button } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { Check, X } from "lucide-react";
import { useState } from "react";
import { useGoogleIntegrationConnect } from "@/hooks/useGoogleIntegration";
import { explain } from "@/lib/problem";
import { repairServices, scopeText } from "@/lib/scopes";
import type { GoogleStatus, MissingScope } from "@/lib/types";
import { Card, Section } from "@/ui/kit";
import classes from "./settings.module.css";

/** What Google allows Rapport, and what was asked for and not given; each with one click to repair it. */
export function PermissionsSection({ workspaceId, status }: { workspaceId: string; status: GoogleStatus }) {
  const { connect, isConnecting } = useGoogleIntegrationConnect(workspaceId);
  const [going, setGoing] = useState("");
  const missing = status.missing_scopes;
  const repair = (which: MissingScope[]) => {
    setGoing(which.length === 1 ? (which[0]?.scope ?? "") : "all");
    void connect(repairServices(which), { connectionId: status.connection_id }).catch((error) =>
      notifications.show({ color: "red", message: explain(error).message }),
    );
  };
  return (
    <Section
      title="Permissions"
      note="Given by you at Google."
      aside={
        missing.length > 1 && (
          <Button variant="filled" loading={isConnecting && going === "all"} onClick={() => repair(missing)}>
            Give all missing permissions
          </Button>
        )
      }
    >
      <Card>
        <ul className={classes.scopes}>
          {missing.map((m) => (
            <li key={m.scope} data-missing>
              <X size={15} aria-label="Not given" role="img" />
              <span className={classes.strong}>{m.feature || scopeText(m.scope).title}</span>
              <span className={classes.state}>{m.description}</span>
              <Button
                size="xs"
                aria-label={`Allow: ${m.feature}`}
                loading={isConnecting && going === m.scope}
                onClick={() => repair([m])}
              >
                Allow
              </Button>
            </li>
          ))}
          {status.granted_scopes.map(scopeText).map((s) => (
            <li key={s.scope} title={s.scope}>
              <Check size={15} aria-label="Given" role="img" />
              <span className={classes.strong}>{s.title}</span>
              <span className={classes.state}>{s.detail}</span>
            </li>
          ))}
        </ul>
      </Card>
    </Section>
  );
}
