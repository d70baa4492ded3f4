import type { ReactNode } from "react";
import classes from "./Waits.module.css";

interface Props {
  tone: "warn" | "bad" | "ok";
  icon: ReactNode;
  title: string;
  children: ReactNode;
}

/** What stands in the way, or what has been done about it. */
export function Panel({ tone, icon, title, children }: Props) {
  return (
    <section className={classes.panel} data-tone={tone} aria-label={title}>
      <span className={classes.icon}>{icon}</span>
      <div className={classes.text}>
        <h2>{title}</h2>
        {children}
      </div>
    </section>
  );
}
