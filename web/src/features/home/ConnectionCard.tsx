import { Link } from "@tanstack/react-router";
import { ChevronRight } from "lucide-react";
import type { ReactNode } from "react";
import { paths } from "@/app/paths";
import { lastSync, readConnection } from "@/lib/connection";
import { count, plural } from "@/lib/format";
import type { Completeness, GoogleStatus } from "@/lib/types";
import { Card, Pill, Section, Time } from "@/ui/kit";
import classes from "./ConnectionCard.module.css";

/** How the mailbox does: whether it is connected, how current it is, whether all of it is here. */
export function ConnectionCard({ status }: { status: GoogleStatus }) {
  const reading = readConnection(status);
  const last = lastSync(status);
  const facts: [string, ReactNode][] = [
    ["Account", status.google_email],
    ["Last synced", last ? <Time key="last" iso={last} style="ago" /> : "not yet"],
    ["Messages", count(status.counts.messages)],
    ["Compared with Gmail", status.completeness ? compared(status.completeness) : "not yet"],
  ];
  return (
    <Section title="Google">
      <Card>
        <Link to={paths.integrations} className={classes.card}>
          <span className={classes.head}>
            <Pill tone={reading.tone}>{reading.label}</Pill>
            <ChevronRight size={15} className={classes.arrow} />
          </span>
          <dl className={classes.facts}>
            {facts.map(([name, value]) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{value}</dd>
              </div>
            ))}
          </dl>
        </Link>
      </Card>
    </Section>
  );
}

function compared(c: Completeness): string {
  return c.state === "incomplete" ? `${plural(c.missing, "message")} missing` : "complete";
}
