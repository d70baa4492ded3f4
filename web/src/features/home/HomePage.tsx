import { Link, type LinkProps } from "@tanstack/react-router";
import { Activity, Building2, CalendarDays, ChevronRight, Handshake, Inbox, Plug, UserRound } from "lucide-react";
import type { ComponentType, ReactNode } from "react";
import { paths } from "@/app/paths";
import { useSession } from "@/app/session";
import { useGoogleEmails, useGoogleIntegrationStatus } from "@/hooks/useGoogleIntegration";
import { lastSync, readConnection } from "@/lib/connection";
import { plural } from "@/lib/format";
import { displayName, firstName } from "@/lib/people";
import type { EmailListItem, GoogleStatus } from "@/lib/types";
import { Avatar, Bones, Card, Empty, Failed, Page, Section, Time } from "@/ui/kit";
import { GoogleIntegrationBanner } from "./GoogleIntegrationBanner";
import classes from "./HomePage.module.css";

export function HomePage() {
  const { user, workspace } = useSession();
  const { status } = useGoogleIntegrationStatus(workspace.id);
  return (
    <Page title="Home" wide>
      <h2 className={classes.greeting}>{greeting(new Date(), firstName(user.name, user.email))}</h2>
      <p className={classes.summary}>{summary(status)}</p>
      <div className={classes.banner}>
        <GoogleIntegrationBanner workspaceId={workspace.id} />
      </div>
      <QuickAccess status={status} />
      <div className={classes.columns}>
        <RecentMail workspaceId={workspace.id} status={status} />
        <StandardObjects />
      </div>
    </Page>
  );
}

export function greeting(now: Date, name: string): string {
  const hour = now.getHours();
  const part = hour < 5 || hour >= 18 ? "Good evening" : hour < 12 ? "Good morning" : "Good afternoon";
  return `${part}, ${name}`;
}

function summary(status: GoogleStatus | undefined): string {
  if (!status) return " ";
  if (!status.is_connected) return "Nothing is connected yet.";
  const { unread, messages } = status.counts;
  return unread > 0
    ? `${plural(unread, "unread message")}, ${plural(messages, "message")} in all.`
    : "Everything is read.";
}

interface QuickCard {
  label: string;
  icon: ComponentType<{ size?: number; strokeWidth?: number }>;
  to?: LinkProps["to"];
  text: ReactNode;
}

function QuickAccess({ status }: { status: GoogleStatus | undefined }) {
  const last = lastSync(status);
  const reading = status && readConnection(status);
  const cards: QuickCard[] = [
    {
      label: "Inbox",
      icon: Inbox,
      to: paths.inbox,
      text: status?.is_connected ? plural(status.counts.unread, "unread message") : "Read and search your mail",
    },
    { label: "Calendar", icon: CalendarDays, text: "Meetings with your customers will appear here" },
    { label: "Activities", icon: Activity, text: "Mail, meetings and calls by record will appear here" },
    {
      label: "Integrations",
      icon: Plug,
      to: paths.integrations,
      text:
        reading?.tone === "ok" && last ? (
          <>
            Synced <Time iso={last} style="ago" />
          </>
        ) : (
          (reading?.label ?? "Google")
        ),
    },
  ];
  return (
    <ul className={classes.cards}>
      {cards.map((card) => (
        <li key={card.label}>
          <QuickAccessCard {...card} />
        </li>
      ))}
    </ul>
  );
}

function QuickAccessCard({ label, icon: Icon, to, text }: QuickCard) {
  const inside = (
    <>
      <span className={classes.cardHead}>
        <Icon size={17} strokeWidth={1.75} />
        <span>{label}</span>
        {to && <ChevronRight size={15} className={classes.arrow} />}
      </span>
      <span className={classes.cardText}>{text}</span>
    </>
  );
  return to ? (
    <Link to={to} className={classes.card}>
      {inside}
    </Link>
  ) : (
    <div className={classes.card} data-later>
      {inside}
    </div>
  );
}

const objects = [
  { label: "People", icon: UserRound, text: "Those you write and meet with" },
  { label: "Companies", icon: Building2, text: "By the domain of their addresses" },
  { label: "Deals", icon: Handshake, text: "With their mail and meetings" },
];

function StandardObjects() {
  return (
    <Section title="Records">
      <Card>
        {objects.map(({ label, icon: Icon, text }) => (
          <div key={label} className={classes.object}>
            <Icon size={16} strokeWidth={1.75} />
            <span>
              {label}
              <span className={classes.objectText}>{text}</span>
            </span>
          </div>
        ))}
        <p className={classes.later}>
          Not in this version yet. They will be filled from the mail that is already here.
        </p>
      </Card>
    </Section>
  );
}

const shownMail = 7;
const recent = { label: "INBOX", threads: true, limit: shownMail };

function RecentMail({ workspaceId, status }: { workspaceId: string; status: GoogleStatus | undefined }) {
  const { emails, isLoading, error, refresh } = useGoogleEmails(workspaceId, recent);
  return (
    <Section
      title="Recent mail"
      aside={
        emails.length > 0 && (
          <Link to={paths.inbox} className={classes.all}>
            Open the inbox
          </Link>
        )
      }
    >
      <Card className={classes.mail}>
        {isLoading ? (
          <Bones rows={5} height={48} />
        ) : error && emails.length === 0 ? (
          <Failed error={error} retry={refresh} title="Recent mail could not be loaded" />
        ) : emails.length === 0 ? (
          <Empty icon={<Inbox size={18} />} title="No mail yet">
            {status?.is_connected
              ? "The newest messages appear here first."
              : "Connect a Google account, and your newest mail appears here."}
          </Empty>
        ) : (
          emails.slice(0, shownMail).map((email) => <MailRow key={email.id} email={email} />)
        )}
      </Card>
    </Section>
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
      <span className={classes.subject}>
        {email.subject || "(no subject)"}
        {!email.is_read && <span className="visually-hidden"> (unread)</span>}
      </span>
      <span className={classes.date}>
        <Time iso={email.gmail_date} />
      </span>
    </Link>
  );
}
