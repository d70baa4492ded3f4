/** Small parts that every page shares. */
import { Button, Loader, Tooltip } from "@mantine/core";
import { type ReactNode, useEffect, useState } from "react";
import type { Tone } from "../lib/connection";
import { ago, exactDate, longDate, shortDate } from "../lib/format";
import { displayName, identityHue, initials } from "../lib/people";
import { explain } from "../lib/problem";
import classes from "./kit.module.css";

export const cx = (...names: (string | false | null | undefined)[]) => names.filter(Boolean).join(" ");

export function Mark({ size = 22 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true" className={classes.mark}>
      <rect width="32" height="32" rx="8" />
      <path d="M9 23V12.5A3.5 3.5 0 0 1 12.5 9h3a4.75 4.75 0 0 1 0 9.5H13" />
      <path d="m17.5 18.5 5 4.5" />
    </svg>
  );
}

export function Avatar({ name, email, size = 28 }: { name?: string; email: string; size?: number }) {
  const hue = identityHue(email);
  return (
    <span
      className={classes.avatar}
      aria-hidden="true"
      style={{
        width: size,
        height: size,
        fontSize: Math.max(10, Math.round(size * 0.38)),
        background: `var(--hue-${hue})`,
        color: `var(--hue-ink-${hue})`,
      }}
    >
      {initials(name, email)}
    </span>
  );
}

export function Kbd({ keys }: { keys: string }) {
  return (
    <span className={classes.keys}>
      {keys.split(" ").map((key) => (
        <kbd key={key} className={classes.kbd}>
          {key}
        </kbd>
      ))}
    </span>
  );
}

export function Pill({ tone, children }: { tone: Tone; children: ReactNode }) {
  return (
    <span className={classes.pill} data-tone={tone}>
      <span className={classes.pillDot} />
      {children}
    </span>
  );
}

type DateStyle = "short" | "long" | "ago";

/** A time as people say it; the exact one on hover. "ago" keeps counting. */
export function Time({ iso, style = "short" }: { iso: string; style?: DateStyle }) {
  const now = useNow(style === "ago" ? tick(iso) : 0);
  const text = style === "short" ? shortDate(iso, now) : style === "long" ? longDate(iso, now) : ago(iso, now);
  return (
    <time dateTime={iso} title={exactDate(iso)}>
      {text}
    </time>
  );
}

const tick = (iso: string) => (Date.now() - new Date(iso).getTime() < 60_000 ? 1000 : 30_000);

/** The time now, read again every so many milliseconds; 0 is never. */
export function useNow(every: number): Date {
  const [now, setNow] = useState(() => new Date());
  useEffect(() => {
    if (!every) return;
    const timer = setInterval(() => setNow(new Date()), every);
    return () => clearInterval(timer);
  }, [every]);
  return every ? now : new Date();
}

/** A list with nothing in it: what it is for, and the one thing to do. */
export function Empty({
  icon,
  title,
  children,
  action,
}: {
  icon?: ReactNode;
  title: string;
  children?: ReactNode;
  action?: ReactNode;
}) {
  return (
    <div className={classes.empty}>
      {icon && <span className={classes.emptyIcon}>{icon}</span>}
      <p className={classes.emptyTitle}>{title}</p>
      {children && <div className={classes.emptyText}>{children}</div>}
      {action && <div className={classes.emptyAction}>{action}</div>}
    </div>
  );
}

/** Something failed: what happened, what to do, and the number to quote. */
export function Failed({ error, retry, title }: { error: unknown; retry?: () => unknown; title: string }) {
  const { message, reference } = explain(error);
  return (
    <div className={classes.empty} role="alert">
      <p className={classes.emptyTitle}>{title}</p>
      <div className={classes.emptyText}>{message}</div>
      {reference && <p className={classes.reference}>Reference {reference}</p>}
      {retry && (
        <div className={classes.emptyAction}>
          <Button onClick={() => void retry()}>Try again</Button>
        </div>
      )}
    </div>
  );
}

/** A grey shape in the place of text that is on its way. */
export function Bone({ width = "100%", height = 10 }: { width?: number | string; height?: number }) {
  return <span className={classes.bone} style={{ width, height }} />;
}

export function Bones({ rows, height = 44 }: { rows: number; height?: number }) {
  return (
    <div role="status" aria-label="Loading">
      {Array.from({ length: rows }, (_, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: rows of a placeholder have no identity
        <div key={i} className={classes.boneRow} style={{ height }}>
          <Bone width={28} height={28} />
          <span className={classes.boneLines}>
            <Bone width={`${34 + ((i * 17) % 30)}%`} />
            <Bone width={`${58 + ((i * 23) % 34)}%`} height={8} />
          </span>
        </div>
      ))}
    </div>
  );
}

export function Waiting({ label }: { label: string }) {
  return (
    <div className={classes.waiting} role="status" aria-label={label}>
      <Loader size={18} color="var(--ink-3)" />
    </div>
  );
}

/** A page: its title, its controls, its content in a readable measure. */
export function Page({
  title,
  aside,
  lead,
  children,
  wide,
}: {
  title: string;
  aside?: ReactNode;
  /** One sentence: what the page is for. */
  lead?: ReactNode;
  children: ReactNode;
  wide?: boolean;
}) {
  useTitle(title);
  return (
    <div className={classes.page}>
      <header className={classes.pageHead}>
        <h1>{title}</h1>
        <div className={classes.pageAside}>{aside}</div>
      </header>
      <div className={classes.pageBody}>
        <div className={classes.measure} data-wide={wide || undefined}>
          {lead && <p className={classes.pageLead}>{lead}</p>}
          {children}
        </div>
      </div>
    </div>
  );
}

export function useTitle(title: string) {
  useEffect(() => {
    document.title = `${title} · Rapport`;
  }, [title]);
}

/** A group of settings or rows under a heading. */
export function Section({
  title,
  note,
  aside,
  children,
}: {
  title: string;
  note?: ReactNode;
  aside?: ReactNode;
  children: ReactNode;
}) {
  return (
    <section className={classes.section}>
      <div className={classes.sectionHead}>
        <div>
          <h2>{title}</h2>
          {note && <p className={classes.note}>{note}</p>}
        </div>
        {aside}
      </div>
      {children}
    </section>
  );
}

/** The colour of a label. */
export const Swatch = ({ colour }: { colour?: string }) => (
  <span className={classes.swatch} style={colour ? { background: colour } : undefined} />
);

export function Card({ children, className }: { children: ReactNode; className?: string }) {
  return <div className={cx(classes.card, className)}>{children}</div>;
}

/** One line of a card: what it is at the left, its control at the right. */
export function Row({
  title,
  note,
  children,
  htmlFor,
}: {
  title: ReactNode;
  note?: ReactNode;
  children?: ReactNode;
  htmlFor?: string;
}) {
  return (
    <div className={classes.row}>
      <div className={classes.rowText}>
        {htmlFor ? <label htmlFor={htmlFor}>{title}</label> : <span className={classes.rowTitle}>{title}</span>}
        {note && <span className={classes.note}>{note}</span>}
      </div>
      {children && <div className={classes.rowControl}>{children}</div>}
    </div>
  );
}

export function Hint({ label, keys, children }: { label: string; keys?: string; children: React.ReactElement }) {
  return (
    <Tooltip
      label={
        keys ? (
          <span className={classes.hint}>
            {label}
            <kbd>{keys}</kbd>
          </span>
        ) : (
          label
        )
      }
    >
      {children}
    </Tooltip>
  );
}

export function Person({ name, email, note }: { name?: string; email: string; note?: ReactNode }) {
  return (
    <span className={classes.person}>
      <Avatar name={name} email={email} />
      <span className={classes.personText}>
        <span className={classes.personName}>{displayName(name, email)}</span>
        {name?.trim() && <span className={classes.note}>{note ?? email}</span>}
      </span>
    </span>
  );
}
