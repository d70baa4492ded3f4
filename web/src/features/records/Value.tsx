/** How the value of a field looks. */
import { Link } from "@tanstack/react-router";
import { paths } from "@/app/paths";
import { identityHue } from "@/lib/people";
import { capital, contentOf, type Field, makerText, shortUrl, textOf } from "@/lib/recordFields";
import type { Contact, CrmRecord, RecordRef, Tag } from "@/lib/records";
import { Avatar, Swatch, Time } from "@/ui/kit";
import { RecordChip } from "@/ui/RecordMark";
import classes from "./Value.module.css";

export const TagPill = ({ tag }: { tag: Tag }) => (
  <span className={classes.tag} title={tag.mine ? `${tag.name} (yours alone)` : tag.name}>
    <Swatch colour={tag.colour} />
    <span>{tag.name}</span>
  </span>
);

const stageHues: Record<string, number> = {
  lead: 1,
  contact: 7,
  customer: 0,
  former: 6,
  new: 7,
  qualified: 1,
  proposal: 3,
  negotiation: 2,
  won: 0,
  lost: 4,
  vendor: 2,
  partner: 5,
  recruiter: 3,
  personal: 6,
  automated: 7,
  unknown: 7,
};

const hueOf = (value: string) => stageHues[value] ?? identityHue(value);

/** The colour of a chip, for lists. */
export const Dot = ({ value }: { value: string }) => <Swatch colour={`var(--hue-ink-${hueOf(value)})`} />;

export function Chip({ value, text }: { value: string; text?: string }) {
  const hue = hueOf(value);
  return (
    <span className={classes.stage} style={{ background: `var(--hue-${hue})`, color: `var(--hue-ink-${hue})` }}>
      {text ?? capital(value)}
    </span>
  );
}

const secure = (url: string) => (/^https?:\/\//i.test(url) ? url : `https://${url}`);

interface Props {
  record: CrmRecord;
  field: Field;
  /** One line of a table: what does not fit is counted. */
  dense?: boolean;
}

/** Nothing where nothing stands. */
export function Value({ record, field, dense }: Props) {
  const value = contentOf(record, field);
  if (value === undefined) return null;
  switch (field.kind) {
    case "emails":
    case "phones":
      return <Contacts list={value as Contact[]} kind={field.kind} dense={dense} />;
    case "domains":
      return <Several of={(value as string[]).map((d) => <span key={d}>{d}</span>)} dense={dense} />;
    case "relation":
      return <RecordChip record={value as RecordRef} />;
    case "people":
      return (
        <Several
          dense={dense}
          of={(value as CrmRecord["people"]).map(({ person, role }) => (
            <span key={person.id} className={classes.withRole}>
              <RecordChip record={person} />
              {role && !dense && <small>{role}</small>}
            </span>
          ))}
        />
      );
    case "tags":
      return (
        <span className={classes.tags}>
          {(value as Tag[]).map((t) => (
            <TagPill key={t.id} tag={t} />
          ))}
        </span>
      );
    case "owner": {
      const owner = value as { id: string; name: string };
      return (
        <span className={classes.owner}>
          <Avatar name={owner.name} email={owner.id} size={18} />
          <span>{owner.name}</span>
        </span>
      );
    }
    case "select":
      return <Chip value={String(value)} text={field.custom ? String(value) : undefined} />;
    case "class":
      return <Chip value={(value as { name: string }).name} />;
    case "url":
      return (
        <a className={classes.link} href={secure(String(value))} target="_blank" rel="noreferrer noopener">
          {shortUrl(String(value))}
        </a>
      );
    case "email":
      return <span>{String(value)}</span>;
    case "time":
      return <Time iso={String(value)} />;
    case "maker":
      return <span>{makerText(value as CrmRecord["created_by"])}</span>;
    case "long":
      return <span className={dense ? undefined : classes.long}>{String(value)}</span>;
    case "money":
    case "number":
      return <span data-number>{textOf(record, field)}</span>;
    default:
      return <span>{textOf(record, field)}</span>;
  }
}

function Several({ of, dense }: { of: React.ReactElement[]; dense?: boolean }) {
  if (dense)
    return (
      <span className={classes.several}>
        {of[0]}
        {of.length > 1 && <small>+{of.length - 1}</small>}
      </span>
    );
  return <span className={classes.stack}>{of}</span>;
}

/** Breaks before the at-sign where it does not fit a line. */
function Address({ of }: { of: string }) {
  const at = of.lastIndexOf("@");
  if (at < 0) return of;
  return (
    <>
      {of.slice(0, at)}
      <wbr />
      {of.slice(at)}
    </>
  );
}

/** In a table a click means the cell. */
const lineOf = (c: Contact, kind: "emails" | "phones") =>
  kind === "emails" ? c.value : `${c.raw || c.value}${c.ext ? ` ext. ${c.ext}` : ""}`;

function Contacts({ list, kind, dense }: { list: Contact[]; kind: "emails" | "phones"; dense?: boolean }) {
  return (
    <Several
      dense={dense}
      of={list.map((c) => (
        <span key={c.value} className={classes.contact}>
          {dense ? (
            <span data-number={kind === "phones" || undefined}>{lineOf(c, kind)}</span>
          ) : kind === "emails" ? (
            <Link to={paths.inbox} search={{ q: `from:${c.value}` }} className={classes.link}>
              <Address of={c.value} />
            </Link>
          ) : (
            <a href={`tel:${c.value}`} className={classes.link} data-number>
              {c.raw || c.value}
              {c.ext && ` ext. ${c.ext}`}
            </a>
          )}
          {!dense && c.label && <small>{c.label}</small>}
        </span>
      ))}
    />
  );
}
