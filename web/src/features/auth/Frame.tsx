import type { ReactNode } from "react";
import { Mark, useTitle } from "@/ui/kit";
import classes from "./auth.module.css";

/** The page around a form that stands alone. */
export function Frame({
  title,
  lead,
  children,
  foot,
}: {
  title: string;
  lead: ReactNode;
  children: ReactNode;
  foot?: ReactNode;
}) {
  useTitle(title);
  return (
    <main className={classes.frame}>
      <div className={classes.column}>
        <div className={classes.brand}>
          <Mark size={30} />
          <span>Rapport</span>
        </div>
        <div className={classes.panel}>
          <h1>{title}</h1>
          <p className={classes.lead}>{lead}</p>
          {children}
        </div>
        {foot && <div className={classes.foot}>{foot}</div>}
      </div>
    </main>
  );
}
