/** Where the value of a field comes from: shown when one looks at it, with the line of the message that says so. */
import { Popover } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { CalendarDays, Contact, FileUp, Keyboard, KeyRound, Mail, Quote, Sparkles } from "lucide-react";
import { useId, useState } from "react";
import { paths } from "@/app/paths";
import { googleIntegrationApi } from "@/lib/api";
import { exactDate, longDate } from "@/lib/format";
import { keys } from "@/lib/keys";
import type { Sighting } from "@/lib/recordMail";
import type { By, CrmRecord, Source } from "@/lib/records";
import { sayFailed } from "@/ui/toast";
import classes from "./Evidence.module.css";

const signs: Record<By, typeof Mail> = {
  member: Keyboard,
  mail: Mail,
  enrichment: Quote,
  calendar: CalendarDays,
  contacts: Contact,
  api: KeyRound,
  import: FileUp,
};

export const engineText = (engine: string) =>
  engine.startsWith("model")
    ? `Found by the model ${engine.replace(/^model:?/, "") || ""}`.trim()
    : "Found by rules on this server";

export const sure = (confidence: number | undefined) =>
  confidence ? `${Math.round(confidence * 100)} % sure` : undefined;

/** Who or what filled a field, in a sentence. */
export function sourceText(source: Source): string {
  const when = longDate(source.at);
  switch (source.by) {
    case "member":
      return `Typed by ${source.name || "a member"}, ${when}`;
    case "mail":
      return `From the head of a message, ${when}`;
    case "enrichment":
      return `Found in a message, ${when}`;
    case "calendar":
      return `From a meeting, ${when}`;
    case "contacts":
      return `From Google Contacts, ${when}`;
    case "api":
      return `By a program, ${when}`;
    case "import":
      return `From a file, ${when}`;
  }
}

interface Props {
  workspaceId: string;
  record: CrmRecord;
  name: string;
  source: Source | undefined;
  sightings: Sighting[];
}

/** A sign beside the value. Hovering or focusing it shows where the value comes from; clicking keeps that open. */
export function EvidenceMark({ workspaceId, record, name, source, sightings }: Props) {
  const [hover, setHover] = useState(false);
  const [kept, setKept] = useState(false);
  const id = useId();
  if (!source && sightings.length === 0) return null;
  const by = source?.by ?? "enrichment";
  const Sign = signs[by] ?? Sparkles;
  const open = hover || kept;
  return (
    <Popover
      opened={open}
      onChange={(o) => {
        if (o) return;
        setKept(false);
        setHover(false);
      }}
      position="right-start"
      shadow="none"
      offset={6}
      width={320}
      withinPortal
      classNames={{ dropdown: classes.card }}
    >
      <Popover.Target>
        <button
          type="button"
          className={classes.mark}
          data-by={by}
          aria-label={`Where ${name.toLowerCase()} comes from`}
          aria-describedby={open ? id : undefined}
          onMouseEnter={() => setHover(true)}
          onMouseLeave={() => setHover(false)}
          onFocus={() => setHover(true)}
          onBlur={(event) =>
            !(event.relatedTarget as Element | null)?.closest?.(`[id="${CSS.escape(id)}"]`) && setHover(false)
          }
          onClick={() => setKept(!kept)}
        >
          <Sign size={13} />
        </button>
      </Popover.Target>
      <Popover.Dropdown
        aria-label={`Where ${name.toLowerCase()} comes from`}
        onMouseEnter={() => setHover(true)}
        onMouseLeave={() => setHover(false)}
      >
        <div id={id} className={classes.body}>
          {source && <p className={classes.source}>{sourceText(source)}</p>}
          {sightings.slice(0, 3).map((s) => (
            <Sighted key={s.id} workspaceId={workspaceId} seen={s} name={record.name} />
          ))}
          {source?.by === "enrichment" && sightings.length === 0 && (
            <p className={classes.fine}>The message is not yours to read, so its line is not shown.</p>
          )}
        </div>
      </Popover.Dropdown>
    </Popover>
  );
}

/** The quoted line, its date, engine and confidence, and the way to the message. */
export function Sighted({ workspaceId, seen, name }: { workspaceId: string; seen: Sighting; name: string }) {
  return (
    <figure className={classes.sighting}>
      {seen.line ? (
        <blockquote className={classes.line}>{seen.line}</blockquote>
      ) : (
        <p className={classes.fine}>In mail that you may not read.</p>
      )}
      <figcaption className={classes.fine}>
        <time dateTime={seen.seen_at} title={exactDate(seen.seen_at)}>
          {longDate(seen.seen_at)}
        </time>
        {" · "}
        {engineText(seen.engine)}
        {sure(seen.confidence) && ` · ${sure(seen.confidence)}`}
        {seen.line && seen.email_id && (
          <>
            {" · "}
            <OpenMail workspaceId={workspaceId} email={seen.email_id} name={name} />
          </>
        )}
      </figcaption>
    </figure>
  );
}

/** A message is opened in its conversation, which is asked for when somebody wants to see it. */
function OpenMail({ workspaceId, email, name }: { workspaceId: string; email: string; name: string }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const open = async () => {
    try {
      const { gmail_thread_id: thread, connection_id: box } = await client.fetchQuery({
        queryKey: keys.mail.message(workspaceId, email),
        queryFn: ({ signal }) => googleIntegrationApi.email(workspaceId, email, signal),
      });
      await navigate({ to: paths.inbox, search: { thread, box, label: "ALL" } });
    } catch (error) {
      sayFailed("The message could not be opened", error);
    }
  };
  return (
    <button
      type="button"
      className={classes.open}
      aria-label={`Open the message about ${name}`}
      onClick={() => void open()}
    >
      Open the message
    </button>
  );
}
