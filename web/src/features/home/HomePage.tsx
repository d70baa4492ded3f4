import { Link, type LinkProps } from "@tanstack/react-router";
import { Inbox, MailOpen, Paperclip, Search, Send, Star } from "lucide-react";
import type { ComponentType } from "react";
import { useAvailableActions } from "@/actions/actions";
import { paths } from "@/app/paths";
import { useSession } from "@/app/session";
import { useGoogleIntegrationStatus } from "@/hooks/useGoogleIntegration";
import { plural } from "@/lib/format";
import { firstName } from "@/lib/people";
import type { GoogleStatus } from "@/lib/types";
import { Page } from "@/ui/kit";
import { ConnectionCard } from "./ConnectionCard";
import { GoogleIntegrationBanner } from "./GoogleIntegrationBanner";
import classes from "./HomePage.module.css";
import { LatestMail, WaitingMail } from "./MailCards";
import { RecentFiles } from "./RecentFiles";
import { DueTasks, ObjectCards, RecentActivity, SuggestionsNote } from "./RecordCards";
import { WebhookNotice } from "./WebhookNotice";

export function HomePage() {
  const { user, workspace } = useSession();
  const { status } = useGoogleIntegrationStatus(workspace.id);
  const hasMail = (status?.counts.messages ?? 0) > 0;
  return (
    <Page title="Home" wide>
      <h2 className={classes.greeting}>{greeting(new Date(), firstName(user.name, user.email))}</h2>
      <p className={classes.summary}>{summary(status)}</p>
      <div className={classes.banner}>
        <GoogleIntegrationBanner workspaceId={workspace.id} />
        <WebhookNotice />
      </div>
      {hasMail && <QuickActions />}
      <ObjectCards workspaceId={workspace.id} />
      <SuggestionsNote workspaceId={workspace.id} />
      <div className={classes.columns}>
        <div className={classes.column}>
          <LatestMail workspaceId={workspace.id} status={status} />
          {hasMail && <WaitingMail workspaceId={workspace.id} status={status} />}
          <DueTasks workspaceId={workspace.id} />
          <RecentActivity workspaceId={workspace.id} />
        </div>
        {status && status.status !== "none" && (
          <div className={classes.column}>
            <ConnectionCard status={status} />
            {hasMail && <RecentFiles workspaceId={workspace.id} />}
          </div>
        )}
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
  const { unread, messages } = status.counts;
  if (messages === 0) return status.is_connected ? "No mail is here yet." : "Nothing is connected yet.";
  return unread > 0
    ? `${plural(unread, "unread message")}, ${plural(messages, "message")} in all.`
    : `Everything is read. ${plural(messages, "message")} in all.`;
}

interface Quick {
  label: string;
  icon: ComponentType<{ size?: number; strokeWidth?: number }>;
  search: LinkProps["search"];
}

const quick: Quick[] = [
  { label: "Inbox", icon: Inbox, search: {} },
  { label: "Unread", icon: MailOpen, search: { unread: true } },
  { label: "Starred", icon: Star, search: { label: "STARRED" } },
  { label: "Sent", icon: Send, search: { label: "SENT" } },
  { label: "With files", icon: Paperclip, search: { files: true } },
];

function QuickActions() {
  const palette = useAvailableActions().find((a) => a.id === "palette");
  return (
    <nav aria-label="Shortcuts" className={classes.quick}>
      {quick.map(({ label, icon: Icon, search }) => (
        <Link key={label} to={paths.inbox} search={search} className={classes.chip}>
          <Icon size={15} strokeWidth={1.75} />
          {label}
        </Link>
      ))}
      {palette && (
        <button type="button" className={classes.chip} onClick={palette.run}>
          <Search size={15} strokeWidth={1.75} />
          Search
        </button>
      )}
    </nav>
  );
}
