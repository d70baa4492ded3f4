/** Parts that the pages of the administration share. */
import type { ReactNode } from "react";
import { Bones, Card, Failed } from "@/ui/kit";
import classes from "./admin.module.css";

interface ListProps {
  query: { isPending: boolean; error: unknown; refetch: () => unknown; data?: unknown };
  /** What was to be loaded: "The members". */
  what: string;
  empty: boolean;
  whenEmpty: ReactNode;
  rows?: number;
  children: ReactNode;
}

/** A list in any of its states: on its way, failed, empty, there. */
export function List({ query, what, empty, whenEmpty, rows = 4, children }: ListProps) {
  if (query.isPending) {
    return (
      <Card>
        <Bones rows={rows} height={52} />
      </Card>
    );
  }
  if (query.error && !query.data) {
    return (
      <Card>
        <Failed error={query.error} retry={query.refetch} title={`${what} could not be loaded`} />
      </Card>
    );
  }
  if (empty) return <Card>{whenEmpty}</Card>;
  return <>{children}</>;
}

/** What is shown this one time. */
export function Once({ children, note }: { children: ReactNode; note: ReactNode }) {
  return (
    <div className={classes.once}>
      {children}
      <p className={classes.onceNote}>{note}</p>
    </div>
  );
}

export function Tags({ items }: { items: ReactNode[] }) {
  return (
    <span className={classes.tags}>
      {items.map((item, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: labels without identity
        <span key={i} className={classes.tag}>
          {item}
        </span>
      ))}
    </span>
  );
}
