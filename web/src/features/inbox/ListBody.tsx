import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { Inbox, MailSearch } from "lucide-react";
import { paths } from "@/app/paths";
import { useGoogleIntegrationConnect } from "@/hooks/useGoogleIntegration";
import { canReadMail, type Reading, readConnection } from "@/lib/connection";
import { plural } from "@/lib/format";
import { explain } from "@/lib/problem";
import type { GoogleStatus } from "@/lib/types";
import { Bones, Empty, Failed, Kbd } from "@/ui/kit";
import classes from "./InboxPage.module.css";
import { MailList } from "./MailList";
import { MendButton } from "./Notice";
import type { useInbox } from "./useInbox";
import type { useMailActions } from "./useMailActions";

interface BodyProps {
  doing: ReturnType<typeof useMailActions>;
  workspaceId: string;
  inbox: ReturnType<typeof useInbox>;
  status: GoogleStatus | undefined;
  mine: Set<string>;
  words: string[];
}

/** The rows, or why there are none. */
export function ListBody({ workspaceId, inbox, status, mine, words, doing }: BodyProps) {
  const { mail, threads, search } = inbox;
  if (mail.isLoading) return <Bones rows={9} height={76} />;
  if (mail.error && threads.length === 0)
    return <Failed error={mail.error} retry={mail.refresh} title="The mail could not be loaded" />;
  if (threads.length === 0) return <Nothing workspaceId={workspaceId} inbox={inbox} status={status} />;
  return (
    <>
      {mail.error && (
        <p className={classes.stale} role="status">
          Showing what was loaded before. {explain(mail.error).message}
        </p>
      )}
      <MailList
        key={JSON.stringify(inbox.query)}
        name={JSON.stringify(inbox.query)}
        threads={threads}
        cursor={inbox.cursor}
        open={search.thread}
        wanted={inbox.wanted}
        mine={mine}
        sent={inbox.query.label === "SENT"}
        words={words}
        total={mail.total}
        hasMore={mail.hasMore}
        isLoadingMore={mail.isLoadingMore}
        selection={doing.selection}
        returned={doing.returned}
        onChange={doing.changeRow}
        onMore={mail.loadMore}
        onNear={inbox.prefetch}
        onFocus={inbox.setCursor}
      />
    </>
  );
}

function Nothing({ workspaceId, inbox, status }: Pick<BodyProps, "workspaceId" | "inbox" | "status">) {
  const { search, change } = inbox;
  if (search.q || search.unread || search.files || search.starred || search.label || search.account) {
    return (
      <Empty
        icon={<MailSearch size={18} />}
        title={search.unread && !search.q ? "Everything is read" : "Nothing matches"}
        action={
          <Button
            onClick={() =>
              change({
                q: undefined,
                unread: undefined,
                files: undefined,
                starred: undefined,
                label: undefined,
                account: undefined,
              })
            }
          >
            Show the whole inbox
          </Button>
        }
      >
        {search.q
          ? "Try fewer words, or an operator such as from: or has:attachment."
          : (apart[search.label ?? ""] ?? "No message passes the filters that are set.")}
      </Empty>
    );
  }
  const reading = status && readConnection(status);
  if (status && reading && (reading.action === "reconnect" || (reading.action === "repair" && !canReadMail(status)))) {
    return <NotAllowed workspaceId={workspaceId} status={status} reading={reading} />;
  }
  if (reading?.action) {
    const [to, label] = wayOut(reading.action);
    return (
      <Empty
        icon={<Inbox size={18} />}
        title={reading.title}
        action={
          <>
            <Button component={Link} to={to} variant={reading.action === "connect" ? "filled" : undefined}>
              {label}
            </Button>
            {reading.action === "connect" && (
              <Button component={Link} to={paths.emailAccounts} variant="subtle">
                Use another provider
              </Button>
            )}
          </>
        }
      >
        {reading.detail}
      </Empty>
    );
  }
  return (
    <Empty icon={<Inbox size={18} />} title={reading?.tone === "busy" ? "Your mail is on its way" : "No mail here"}>
      {reading?.tone === "busy"
        ? "The newest messages appear first, within seconds."
        : "New messages appear here by themselves."}
    </Empty>
  );
}

/** Places that Gmail empties, and that are not imported: what is there was put there here, or after the import. */
const apart: Record<string, string> = {
  COLLEAGUES: "What colleagues share with you, or let everybody here see, stands here.",
  SPAM: "Mail that is reported as spam here stands here. What Gmail itself takes for spam is not imported.",
  TRASH: "What is moved to the trash here stands here, until Gmail deletes it after 30 days.",
};

function wayOut(action: NonNullable<Reading["action"]>) {
  if (action === "connect") return [paths.connect, "Connect Google"] as const;
  if (["ask", "blocked", "wait"].includes(action)) return [paths.connect, "See what is missing"] as const;
  return [paths.integrations, "Open the settings"] as const;
}

/** Connected, but without the permission that mail needs. */
function NotAllowed({ workspaceId, status, reading }: { workspaceId: string; status: GoogleStatus; reading: Reading }) {
  const { connect, isConnecting, error } = useGoogleIntegrationConnect(workspaceId);
  return (
    <Empty
      icon={<Inbox size={18} />}
      title={reading.action === "repair" ? "Rapport may not read your mail yet" : reading.title}
      action={<MendButton {...{ status, reading, connect, isConnecting }} />}
    >
      {error
        ? explain(error).message
        : reading.action === "repair"
          ? `${status.google_email} is connected, but the permission to read mail was not given.`
          : reading.detail}
    </Empty>
  );
}

/** No conversation is open. `written`: the list is of what is being written. */
export function Idle({ unread, written }: { unread: number | undefined; written: boolean }) {
  return (
    <div className={classes.idle}>
      <Empty
        icon={<Inbox size={18} />}
        title={unread ? plural(unread, "unread message") : written ? "Choose a message" : "Choose a conversation"}
      >
        <div className={classes.keys}>
          <Kbd keys="J K" /> <span>move</span>
          <Kbd keys="Enter" /> <span>open</span>
          <Kbd keys="C" /> <span>write</span>
          <Kbd keys="E" /> <span>archive</span>
          <Kbd keys="/" /> <span>search</span>
          <Kbd keys="?" /> <span>all shortcuts</span>
        </div>
      </Empty>
    </div>
  );
}
