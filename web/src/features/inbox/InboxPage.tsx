import { Button } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { notifications } from "@mantine/notifications";
import { Link } from "@tanstack/react-router";
import { Inbox, MailSearch } from "lucide-react";
import { useMemo, useRef, useState } from "react";
import { useActions } from "@/actions/actions";
import { paths } from "@/app/paths";
import { useWorkspaceId } from "@/app/session";
import { useGoogleIntegrationStatus, useGoogleLabels, useGoogleThread } from "@/hooks/useGoogleIntegration";
import { readConnection } from "@/lib/connection";
import { plural } from "@/lib/format";
import { explain } from "@/lib/problem";
import { useRemembered } from "@/lib/remember";
import type { EmailListItem, GoogleStatus } from "@/lib/types";
import { Bones, Empty, Failed, Kbd, useTitle } from "@/ui/kit";
import { SplitHandle } from "@/ui/split";
import { ContextPane } from "./ContextPane";
import { EmailDetail } from "./EmailDetail";
import classes from "./InboxPage.module.css";
import { inboxActions } from "./inboxActions";
import { ListHead } from "./ListHead";
import { MailList } from "./MailList";
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

  const sync = async () => {
    try {
      await mail.sync();
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
    <div className={classes.inbox} data-reading={search.thread !== undefined || undefined}>
      <section className={classes.list} style={{ width: left }} aria-label="Mail">
        <ListHead
          search={search}
          status={status}
          labels={labels}
          known={useKnown(mail.emails, labels)}
          input={input}
          total={mail.total}
          isSyncing={mail.isSyncing}
          onChange={inbox.change}
          onSync={() => void sync()}
          onDone={() => threads.length > 0 && at < 0 && inbox.step(0)}
        />
        <ListBody inbox={inbox} status={status} mine={mine} />
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
          <SplitHandle label="Width of the details" pane="right" width={right} {...contextWidth} onChange={setRight} />
          <aside className={classes.context} style={{ width: right }} aria-label="People and files">
            {pane}
          </aside>
        </>
      )}
    </div>
  );
}

/** The conversation in Gmail, in the right account. */
function gmailUrl(email: EmailListItem, status: GoogleStatus | undefined): string {
  const account = status?.connections.find((c) => c.id === email.connection_id)?.google_email ?? "";
  return `https://mail.google.com/mail/?authuser=${encodeURIComponent(account)}#all/${email.gmail_thread_id}`;
}

/** People and labels that the search line can offer. */
function useKnown(emails: EmailListItem[], labels: { id: string; name: string }[]) {
  return useMemo(() => {
    const people = new Map<string, { name: string; email: string }>();
    for (const e of emails) {
      if (!people.has(e.from_email)) people.set(e.from_email, { name: e.from_name, email: e.from_email });
    }
    return { people: [...people.values()], labels };
  }, [emails, labels]);
}

function ListBody({
  inbox,
  status,
  mine,
}: {
  inbox: ReturnType<typeof useInbox>;
  status: GoogleStatus | undefined;
  mine: Set<string>;
}) {
  const { mail, threads, search } = inbox;
  if (mail.isLoading) return <Bones rows={9} height={76} />;
  if (mail.error && threads.length === 0)
    return <Failed error={mail.error} retry={mail.refresh} title="The mail could not be loaded" />;
  if (threads.length === 0) return <Nothing inbox={inbox} status={status} />;
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
        mine={mine}
        total={mail.total}
        hasMore={mail.hasMore}
        isLoadingMore={mail.isLoadingMore}
        onMore={mail.loadMore}
        onNear={inbox.prefetch}
      />
    </>
  );
}

function Nothing({ inbox, status }: { inbox: ReturnType<typeof useInbox>; status: GoogleStatus | undefined }) {
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
  if (reading?.action === "connect") {
    return (
      <Empty
        icon={<Inbox size={18} />}
        title={reading.title}
        action={
          <Button component={Link} to={paths.connect} variant="filled">
            Connect Google
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
