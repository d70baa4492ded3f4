import { useMediaQuery } from "@mantine/hooks";
import { lazy, Suspense, useMemo, useRef, useState } from "react";
import { useActions } from "@/actions/actions";
import { useWorkspaceId } from "@/app/session";
import {
  useGoogleEmails,
  useGoogleIntegrationStatus,
  useGoogleLabels,
  useGoogleThread,
} from "@/hooks/useGoogleIntegration";
import { rows } from "@/hooks/usePages";
import { count, plural } from "@/lib/format";
import type { Names } from "@/lib/people";
import { useRemembered } from "@/lib/remember";
import { wordsOf } from "@/lib/searchWords";
import type { AnswerKind, EmailListItem, GoogleStatus, Label } from "@/lib/types";
import { useTitle } from "@/ui/kit";
import { SplitHandle } from "@/ui/split";
import { sayFailed } from "@/ui/toast";
import { BulkBar } from "./BulkBar";
import { ContextPane } from "./ContextPane";
import { DraftsView, useDrafts } from "./DraftsView";
import { EmailDetail } from "./EmailDetail";
import classes from "./InboxPage.module.css";
import { inboxActions } from "./inboxActions";
import { LinkToRecordModal } from "./LinkToRecordModal";
import { Idle, ListBody } from "./ListBody";
import { ListHead } from "./ListHead";
import { Notice } from "./Notice";
import { NamesContext, useKnownNames } from "./names";
import { OutboxView, useOutbox } from "./OutboxView";
import { ShareDialog } from "./ShareDialog";
import { ThreadTools } from "./ThreadTools";
import { useComposer } from "./useComposer";
import { drafts, effectiveLabel, outbox, useInbox } from "./useInbox";
import { useMailActions } from "./useMailActions";
import { canChange } from "./useSelection";

/** Its editor is large, and is there when somebody writes. */
const Composer = lazy(() => import("./composer/Composer"));

const listWidth = { initial: 384, min: 300, max: 720 };
/** Whether there is any. */
const anyOfColleagues = { mine: false, limit: 1 };
const contextWidth = { initial: 284, min: 220, max: 420 };

export function InboxPage() {
  const workspaceId = useWorkspaceId();
  const inbox = useInbox(workspaceId);
  const { search, mail, threads, at } = inbox;
  const { status } = useGoogleIntegrationStatus(workspaceId);
  const { labels } = useGoogleLabels(workspaceId);
  const conversation = useGoogleThread(workspaceId, search.thread, search.box);
  const { messages } = conversation;
  const input = useRef<HTMLInputElement>(null);
  const [left, setLeft] = useRemembered("inbox.list", listWidth.initial);
  const [right, setRight] = useRemembered("inbox.context", contextWidth.initial);
  const [context, setContext] = useRemembered("inbox.context.shown", true);
  const [allOpen, setAllOpen] = useState(false);
  const [sharing, setSharing] = useState(false);
  const [linking, setLinking] = useState(false);
  const roomy = useMediaQuery("(min-width: 1181px)", true) ?? true;
  const mine = useMine(status);
  const composer = useComposer(workspaceId, search.compose, inbox.change);
  const doing = useMailActions(workspaceId, inbox, messages, status);
  const { selection } = doing;
  const waiting = useOutbox(workspaceId);
  const others = useGoogleEmails(workspaceId, anyOfColleagues).emails.length > 0;
  useTitle(status?.counts.unread ? `Inbox (${status.counts.unread})` : "Inbox");

  const words = useMemo(() => wordsOf(search.q), [search.q]);
  const names = useKnownNames(workspaceId, mail.emails, messages);
  const sync = useSync(mail);
  const known = useKnown(names, mail.emails, labels);
  const place = effectiveLabel(search);
  const written = place === outbox || place === drafts;
  const nothing = status !== undefined && !status.is_connected && threads.length === 0;

  const draftList = useDrafts(workspaceId, search.account, place === drafts);
  const total = nothing ? "" : counted(place, mail.total, waiting.items.length, draftList);

  const gmail = () => {
    const email = messages?.at(-1);
    if (email) window.open(gmailUrl(email, status), "_blank", "noopener");
  };
  const answer = (kind: AnswerKind) => {
    const email = messages?.at(-1);
    if (email?.owner.mine) composer.write({ kind, email });
  };
  const on = {
    close: inbox.close,
    next: () => inbox.step(1),
    previous: () => inbox.step(-1),
    openAll: () => setAllOpen(!allOpen),
    context: () => setContext(!context),
    reply: () => answer("reply"),
    replyAll: () => answer("reply_all"),
    forward: () => answer("forward"),
    spam: () => doing.opened && doing.change({ action: "spam" }, [doing.opened]),
    gmail,
    retry: () => void conversation.refresh(),
  };
  useActions(
    inboxActions({
      ...on,
      isOpen: () => search.thread !== undefined,
      canAnswer: () => messages?.at(-1)?.owner.mine ?? false,
      canChange: () => doing.targets.length > 0,
      starred: () => doing.targets.every((t) => t.starred),
      open: () => {
        const target = threads[Math.max(0, at)];
        if (target) inbox.open(target);
      },
      close: () => (selection.choosing ? selection.clear() : search.thread && inbox.close()),
      compose: () => composer.write({ kind: "new" }),
      change: (wish) => doing.change(wish),
      label: () => doing.openLabels(doing.marked),
      tick: () => doing.tick(doing.marked),
      tickAll: selection.toggleAll,
      undo: doing.undo,
      share: () => setSharing(true),
      link: () => setLinking(true),
      search: () => input.current?.focus(),
      sync: () => void sync(),
      unread: () => inbox.change({ unread: search.unread ? undefined : true }),
    }),
  );

  const pane = (
    <ContextPane
      workspaceId={workspaceId}
      messages={messages}
      mine={mine}
      onWrite={status?.is_connected ? (to) => composer.write({ kind: "new", to: [to] }) : undefined}
      onLink={() => setLinking(true)}
    />
  );
  return (
    <NamesContext value={names}>
      <div className={classes.inbox} data-reading={search.thread !== undefined || undefined}>
        <section className={classes.list} style={{ width: left }} aria-label="Mail">
          <ListHead
            workspaceId={workspaceId}
            search={search}
            status={status}
            labels={labels}
            known={known}
            input={input}
            total={total}
            failed={waiting.failed}
            others={others}
            isSyncing={mail.isSyncing}
            bar={
              selection.choosing && (
                <BulkBar
                  selection={selection}
                  place={place}
                  labelling={doing.barLabels}
                  onChange={(wish) => doing.change(wish, selection.threads)}
                />
              )
            }
            onTick={!written && threads.some(canChange) ? selection.begin : undefined}
            onCompose={status?.is_connected ? () => composer.write({ kind: "new" }) : undefined}
            onChange={inbox.change}
            onSync={() => void sync()}
            onDone={() => threads.length > 0 && at < 0 && inbox.step(0)}
          />
          {threads.some(canChange) && !written && <Notice workspaceId={workspaceId} status={status} />}
          {place === outbox ? (
            <OutboxView
              workspaceId={workspaceId}
              onDraft={(o) => composer.write({ kind: "draft", id: o.draft_id, connection: o.connection_id })}
            />
          ) : place === drafts ? (
            <DraftsView
              workspaceId={workspaceId}
              connection={search.account}
              onOpen={(d) => composer.write({ kind: "draft", id: d.id, connection: d.connection_id })}
              onOutbox={() => inbox.change({ label: outbox }, false)}
            />
          ) : (
            <ListBody {...{ workspaceId, inbox, status, mine, words, doing }} />
          )}
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
              tools={
                doing.opened?.newest.owner.mine && (
                  <ThreadTools
                    thread={doing.opened}
                    labelling={doing.threadLabels}
                    shared={messages?.some((m) => m.shared) ?? false}
                    onChange={(wish) => doing.opened && doing.change(wish, [doing.opened])}
                    onShare={() => setSharing(true)}
                  />
                )
              }
              on={on}
            />
          ) : (
            !nothing && <Idle unread={place === "INBOX" ? status?.counts.unread : undefined} written={written} />
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
        {linking && messages && (
          <LinkToRecordModal workspaceId={workspaceId} messages={messages} onClose={() => setLinking(false)} />
        )}
        {sharing && messages?.[0]?.owner.mine && <ShareDialog messages={messages} onClose={() => setSharing(false)} />}
        {composer.open && (
          <Suspense>
            <Composer
              key={composer.open.nonce}
              workspaceId={workspaceId}
              status={status}
              start={composer.open.start}
              onSaved={(letter) => composer.open && composer.onSaved(composer.open.nonce, letter)}
              onSent={composer.onSent}
              onDiscarded={(letter) => void composer.onDiscarded(letter)}
              onClose={composer.close}
            />
          </Suspense>
        )}
      </div>
    </NamesContext>
  );
}

/** How much there is in a place. Of drafts Gmail tells those only that are read. */
function counted(place: string, mail: number | undefined, waiting: number, list: ReturnType<typeof useDrafts>): string {
  if (place === outbox) return waiting > 0 ? plural(waiting, "message") : "";
  if (place !== drafts) return mail === undefined ? "" : plural(mail, "conversation");
  const here = rows(list.data).length;
  if (here === 0) return "";
  return list.hasNextPage ? `${count(here)}+ drafts` : plural(here, "draft");
}

const useMine = (status: GoogleStatus | undefined) =>
  useMemo(() => new Set((status?.connections ?? []).map((c) => c.google_email.toLowerCase())), [status?.connections]);

function useSync(mail: ReturnType<typeof useInbox>["mail"]) {
  return async () => {
    if (mail.isSyncing) return;
    try {
      const run = await mail.sync();
      if (run.state === "failed" && run.error) throw new Error(run.error);
    } catch (error) {
      sayFailed("Sync did not work", error);
    }
  };
}

/** The conversation in Gmail, in the right account. */
function gmailUrl(email: EmailListItem, status: GoogleStatus | undefined): string {
  const account = status?.connections.find((c) => c.id === email.connection_id)?.google_email ?? "";
  return `https://mail.google.com/mail/?authuser=${encodeURIComponent(account)}#all/${email.gmail_thread_id}`;
}

/** People and labels that the search line can offer. */
function useKnown(names: Names, emails: EmailListItem[], labels: Label[]) {
  return useMemo(() => {
    const people = new Map([...names].map(([email, name]) => [email, { name, email }]));
    for (const { from_email: email, from_name: name } of emails) {
      if (!people.has(email.toLowerCase())) people.set(email.toLowerCase(), { name, email });
    }
    return { people: [...people.values()], labels };
  }, [names, emails, labels]);
}
