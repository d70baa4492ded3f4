import { Link, type LinkProps } from "@tanstack/react-router";
import { Inbox } from "lucide-react";
import type { ReactNode } from "react";
import { paths } from "@/app/paths";
import { useGoogleEmails } from "@/hooks/useGoogleIntegration";
import { canReadMail } from "@/lib/connection";
import { displayName } from "@/lib/people";
import type { EmailListItem, GoogleStatus } from "@/lib/types";
import { Avatar, Bones, Card, Empty, Failed, Section, Time } from "@/ui/kit";
import classes from "./MailCards.module.css";
import { waitingForReply } from "./waiting";

interface Props {
  workspaceId: string;
  status: GoogleStatus | undefined;
}

const shown = 5;
const unread = { label: "INBOX", threads: true, is_unread: true, limit: shown };
const recent = { label: "INBOX", threads: true, limit: 7 };

/** What is unread; the newest mail where all is read. */
export function LatestMail({ workspaceId, status }: Props) {
  const fresh = useGoogleEmails(workspaceId, unread);
  const all = useGoogleEmails(workspaceId, recent);
  const isUnread = fresh.emails.length > 0;
  const { emails, isLoading, error, refresh } = isUnread ? fresh : all;
  return (
    <Section
      title={isUnread ? "Unread" : "Recent mail"}
      aside={emails.length > 0 && <More search={isUnread ? { unread: true } : {}}>Show all</More>}
    >
      <Card className={classes.mail}>
        {isLoading || fresh.isLoading ? (
          <Bones rows={5} height={44} />
        ) : error && emails.length === 0 ? (
          <Failed error={error} retry={refresh} title="Recent mail could not be loaded" />
        ) : emails.length === 0 ? (
          <Empty icon={<Inbox size={18} />} title="No mail yet">
            {!status?.is_connected
              ? "Connect a Google account, and your newest mail appears here."
              : canReadMail(status)
                ? "The newest messages appear here first."
                : "It appears here as soon as Rapport may read it."}
          </Empty>
        ) : (
          emails.slice(0, isUnread ? shown : 7).map((email) => <MailRow key={email.id} email={email} />)
        )}
      </Card>
    </Section>
  );
}

const lately = { q: "newer_than:21d", threads: true, limit: 100 };

/** Conversations in which somebody else had the last word. */
export function WaitingMail({ workspaceId, status }: Props) {
  const { emails, isLoading, error } = useGoogleEmails(workspaceId, lately);
  const mine = new Set((status?.connections ?? []).map((c) => c.google_email.toLowerCase()));
  const waiting = waitingForReply(emails, mine).slice(0, shown);
  if (error || (!isLoading && waiting.length === 0)) return null;
  return (
    <Section title="Waiting for your reply" note="Read, addressed to you, and not answered yet.">
      <Card className={classes.mail}>
        {isLoading ? <Bones rows={3} height={44} /> : waiting.map((email) => <MailRow key={email.id} email={email} />)}
      </Card>
    </Section>
  );
}

function More({ search, children }: { search: LinkProps["search"]; children: ReactNode }) {
  return (
    <Link to={paths.inbox} search={search} className={classes.all}>
      {children}
    </Link>
  );
}

function MailRow({ email }: { email: EmailListItem }) {
  return (
    <Link
      to={paths.inbox}
      search={{ thread: email.gmail_thread_id, box: email.connection_id }}
      className={classes.row}
      data-unread={!email.is_read || undefined}
    >
      <Avatar name={email.from_name} email={email.from_email} size={26} />
      <span className={classes.from}>{displayName(email.from_name, email.from_email)}</span>
      <span className={classes.text}>
        <span className={classes.subject}>{email.subject || "(no subject)"}</span>
        {!email.is_read && <span className="visually-hidden"> (unread)</span>}
        <span className={classes.snippet}> {email.snippet}</span>
      </span>
      <span className={classes.date}>
        <Time iso={email.gmail_date} />
      </span>
    </Link>
  );
}
