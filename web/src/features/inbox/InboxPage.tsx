import { Button } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { notifications } from "@mantine/notifications";
import { Link } from "@tanstack/react-router";
import { Inbox, MailSearch } from "lucide-react";
import { useMemo, useRef, useState } from "react";
import { useActions } from "@/actions/actions";
import { paths } from "@/app/paths";
import { useWorkspaceId } from "@/app/session";
import {
  useGoogleIntegrationConnect,
  useGoogleIntegrationStatus,
  useGoogleLabels,
  useGoogleThread,
} from "@/hooks/useGoogleIntegration";
import { canReadMail, type Reading, readConnection } from "@/lib/connection";
import { plural } from "@/lib/format";
import type { Names } from "@/lib/people";
import { explain } from "@/lib/problem";
import { useRemembered } from "@/lib/remember";
import { wordsOf } from "@/lib/searchWords";
import type { EmailListItem, GoogleStatus } from "@/lib/types";
import { Bones, Empty, Failed, Kbd, useTitle } from "@/ui/kit";
import { SplitHandle } from "@/ui/split";
import { ContextPane } from "./ContextPane";
import { EmailDetail } from "./EmailDetail";
import classes from "./InboxPage.module.css";
import { inboxActions } from "./inboxActions";
import { ListHead } from "./ListHead";
import { MailList } from "./MailList";
import { MendButton, Notice } from "./Notice";
import { NamesContext, useKnownNames } from "./names";
import { useInbox } from "./useInbox";

const listWidth = { initial: 384, min: 300, max: 720 };
const contextWidth = { initial: 284, min: 220, max: 420 };

export function InboxPage() {
  const workspaceId = useWorkspaceId();
  const inbox = useInbox(workspaceId);
  const { search, mail, threads, at } = inbox;
  const { status } = useGoogleIntegrationStatus(workspaceId);
  const { labels } = useGoogleLabels(workspaceId);
  const conversation = useGoogleThread(workspaceId, search.thread, search.box);
  const input = useRef<HTMLInputElement>(null);
  const [left, setLeft] = useRemembered("inbox.list", listWidth.initial);
  const [right, setRight] = useRemembered("inbox.context", contextWidth.initial);
  const [context, setContext] = useRemembered("inbox.context.shown", true);
  const [allOpen, setAllOpen] = useState(false);
  const roomy = useMediaQuery("(min-width: 1181px)", true) ?? true;
  const mine = useMemo(
    () => new Set((status?.connections ?? []).map((c) => c.google_email.toLowerCase())),
    [status?.connections],
  );
  useTitle(status?.counts.unread ? `Inbox (${status.counts.unread})` : "Inbox");

  const words = useMemo(() => wordsOf(search.q), [search.q]);
  const names = useKnownNames(workspaceId, mail.emails, conversation.messages);

  const sync = async () => {
    if (mail.isSyncing) return;
    try {
      const run = await mail.sync();
      if (run.state === "failed" && run.error) throw new Error(run.error);
    } catch (error) {
      notifications.show({ color: "red", title: "Sync did not work", message: explain(error).message });
    }
  };
  const gmail = () => {
    const email = conversation.messages?.at(-1);
    if (email) window.open(gmailUrl(email, status), "_blank", "noopener");
  };
  const openAt = () => {
    const target = threads[Math.max(0, at)];
    if (target) inbox.open(target);
  };
  const on = {
    close: inbox.close,
    next: () => inbox.step(1),
    previous: () => inbox.step(-1),
    openAll: () => setAllOpen(!allOpen),
    context: () => setContext(!context),
    reply: gmail,
    gmail,
    retry: () => void conversation.refresh(),
  };
  useActions(
    inboxActions({
      ...on,
      isOpen: () => search.thread !== undefined,
      open: openAt,
      search: () => input.current?.focus(),
      sync: () => void sync(),
      unread: () => inbox.change({ unread: search.unread ? undefined : true }),
      elsewhere: () =>
        notifications.show({
          message:
            "Archive and star in Gmail for now (press R to open the conversation there). The change shows here by itself.",
        }),
    }),
  );

  const messages = conversation.messages;
  const pane = <ContextPane workspaceId={workspaceId} messages={messages} mine={mine} />;
  return (
    <NamesContext value={names}>
      <div className={classes.inbox} data-reading={search.thread !== undefined || undefined}>
        <section className={classes.list} style={{ width: left }} aria-label="Mail">
          <ListHead
            search={search}
            status={status}
            labels={labels}
            known={useKnown(names, mail.emails, labels)}
            input={input}
            total={mail.total}
            isSyncing={mail.isSyncing}
            onChange={inbox.change}
            onSync={() => void sync()}
            onDone={() => threads.length > 0 && at < 0 && inbox.step(0)}
          />
          {threads.length > 0 && <Notice workspaceId={workspaceId} status={status} />}
          <ListBody workspaceId={workspaceId} inbox={inbox} status={status} mine={mine} words={words} />
        </section>
        <SplitHandle label="Width of the list" pane="left" width={left} {...listWidth} onChange={setLeft} />
        <section className={classes.thread} aria-label="Conversation">
          {search.thread ? (
            <EmailDetail
              key={search.thread}
              known={threads.find((t) => t.id === search.thread)?.newest}
              messages={messages}
              error={conversation.error}
              labels={labels}
              mine={mine}
              target={search.q ? threads.find((t) => t.id === search.thread)?.newest.id : undefined}
              words={words}
              allOpen={allOpen}
              context={context}
              can={{ next: at < threads.length - 1, previous: at > 0 }}
              after={!roomy && messages && <div className={classes.below}>{pane}</div>}
              on={on}
            />
          ) : (
            <Idle status={status} />
          )}
        </section>
        {search.thread && context && roomy && (
          <>
            <SplitHandle
              label="Width of the details"
              pane="right"
              width={right}
              {...contextWidth}
              onChange={setRight}
            />
            <aside className={classes.context} style={{ width: right }} aria-label="People and files">
              {pane}
            </aside>
          </>
        )}
      </div>
    </NamesContext>
  );
}

/** The conversation in Gmail, in the right account. */
function gmailUrl(email: EmailListItem, status: GoogleStatus | undefined): string {
  const account = status?.connections.find((c) => c.id === email.connection_id)?.google_email ?? "";
  return `https://mail.google.com/mail/?authuser=${encodeURIComponent(account)}#all/${email.gmail_thread_id}`;
}

/** People and labels that the search line can offer. */
function useKnown(names: Names, emails: EmailListItem[], labels: { id: string; name: string }[]) {
  return useMemo(() => {
    const people = new Map([...names].map(([email, name]) => [email, { name, email }]));
    for (const { from_email: email, from_name: name } of emails) {
      if (!people.has(email.toLowerCase())) people.set(email.toLowerCase(), { name, email });
    }
    return { people: [...people.values()], labels };
  }, [names, emails, labels]);
}

interface BodyProps {
  workspaceId: string;
  inbox: ReturnType<typeof useInbox>;
  status: GoogleStatus | undefined;
  mine: Set<string>;
  words: string[];
}

function ListBody({ workspaceId, inbox, status, mine, words }: BodyProps) {
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
        words={words}
        total={mail.total}
        hasMore={mail.hasMore}
        isLoadingMore={mail.isLoadingMore}
        onMore={mail.loadMore}
        onNear={inbox.prefetch}
        onFocus={inbox.setCursor}
      />
    </>
  );
}

function Nothing({ workspaceId, inbox, status }: Pick<BodyProps, "workspaceId" | "inbox" | "status">) {
  const { search, change } = inbox;
  if (search.q || search.unread || search.files || search.label || search.account) {
    return (
      <Empty
        icon={<MailSearch size={18} />}
        title={search.unread && !search.q ? "Everything is read" : "Nothing matches"}
        action={
          <Button
            onClick={() =>
              change({ q: undefined, unread: undefined, files: undefined, label: undefined, account: undefined })
            }
          >
            Show the whole inbox
          </Button>
        }
      >
        {search.q
          ? "Try fewer words, or an operator such as from: or has:attachment."
          : "No message passes the filters that are set."}
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
          <Button component={Link} to={to} variant={reading.action === "connect" ? "filled" : undefined}>
            {label}
          </Button>
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

/** No conversation is open. */
function Idle({ status }: { status: GoogleStatus | undefined }) {
  return (
    <div className={classes.idle}>
      <Empty
        icon={<Inbox size={18} />}
        title={status?.counts.unread ? plural(status.counts.unread, "unread message") : "Choose a conversation"}
      >
        <div className={classes.keys}>
          <Kbd keys="J K" /> <span>move</span>
          <Kbd keys="Enter" /> <span>open</span>
          <Kbd keys="/" /> <span>search</span>
          <Kbd keys="?" /> <span>all shortcuts</span>
        </div>
      </Empty>
    </div>
  );
}
