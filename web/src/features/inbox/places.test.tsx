import { fireEvent, screen, waitFor, within } from "@testing-library/react";
import { Suspense } from "react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { World } from "@/testing/handlers";
import { live, renderPage } from "@/testing/render";
import { InboxPage } from "./InboxPage";
import { groupThreads } from "./threads";
import { emailQuery } from "./useInbox";

const path = "/crm/inbox";
const show = (at = path) =>
  renderPage(
    <Suspense>
      <InboxPage />
    </Suspense>,
    { path, at },
  );
const list = () => within(screen.getByRole("list", { name: "Conversations" }));
const rows = () => list().getAllByRole("link");
const ids = () => rows().map((r) => r.getAttribute("data-thread"));
const inboxOf = (world: World) => groupThreads(world.mail.filter((m) => m.labels.includes("INBOX")));

beforeEach(() => {
  vi.spyOn(HTMLElement.prototype, "clientHeight", "get").mockReturnValue(800);
  vi.spyOn(HTMLElement.prototype, "clientWidth", "get").mockReturnValue(400);
});
afterEach(() => vi.restoreAllMocks());

describe("a colleague's mail", () => {
  const share = (world: World) => {
    const [first] = inboxOf(world);
    for (const m of world.mail.filter((m) => m.gmail_thread_id === first?.id))
      m.owner = { user_id: "u2", name: "Daniel Osei", mine: false };
    return first?.id;
  };

  it("stands in a place of its own, not in the inbox", async () => {
    let theirs: string | undefined;
    live((w) => {
      theirs = share(w);
    });
    const { router } = show();
    await waitFor(() => expect(rows().length).toBeGreaterThan(5));
    expect(ids()).not.toContain(theirs);
    fireEvent.click(screen.getByRole("button", { name: /Choose a label/ }));
    fireEvent.click(await screen.findByRole("menuitem", { name: "Colleagues" }));
    await waitFor(() => expect(ids()).toEqual([theirs]));
    expect(router.state.location.search).toMatchObject({ label: "COLLEAGUES" });
  });

  it("has no place where there is none", async () => {
    live();
    show();
    await waitFor(() => expect(rows().length).toBeGreaterThan(5));
    fireEvent.click(screen.getByRole("button", { name: /Choose a label/ }));
    await screen.findByRole("menuitem", { name: "All mail" });
    expect(screen.queryByRole("menuitem", { name: "Colleagues" })).toBeNull();
  });

  it("is found by a search of everything", () => {
    expect(emailQuery({}).mine).toBe(true);
    expect(emailQuery({ label: "SENT" }).mine).toBe(true);
    expect(emailQuery({ starred: true }).mine).toBe(true);
    expect(emailQuery({ q: "lamp" }).mine).toBeUndefined();
    expect(emailQuery({ q: "lamp", label: "COLLEAGUES" })).toMatchObject({ mine: false, label: undefined });
  });
});

describe("a draft that is handed over", () => {
  it("leads to the outbox, and is not open for changes", async () => {
    live((w) => {
      const draft = {
        id: "d1",
        connection_id: w.status.connection_id,
        gmail_message_id: "",
        thread_id: "",
        from: "",
        to: ["Priya Venkatesan <priya@tallpine-hotels.example>"],
        cc: [],
        bcc: [],
        subject: "Later",
        snippet: "",
        text: "",
        html: "",
        attachments: [],
        updated_at: w.now().toISOString(),
      };
      w.post.drafts.push(draft, { ...draft, id: "d2", subject: "Open" });
      w.post.outbox.push({
        id: "o1",
        connection_id: draft.connection_id,
        draft_id: "d1",
        state: "queued",
        subject: "Later",
        from: "",
        to: draft.to,
        cc: [],
        bcc: [],
        thread_id: "",
        reply_to_email_id: "",
        created_at: draft.updated_at,
        send_at: new Date(w.now().getTime() + 86_400_000).toISOString(),
        sent_at: null,
        email_id: "",
        gmail_id: "",
        attempts: 0,
        next_try_at: null,
        error: "",
        next_step: "",
        can_cancel: true,
      });
    });
    const { router } = show(`${path}?label=DRAFT`);
    const drafts = within(await screen.findByRole("list", { name: "Drafts" }));
    expect(drafts.getByText(/^Scheduled, /)).toBeDefined();
    expect(drafts.getByRole("button", { name: "Open the draft Open" })).toBeDefined();
    expect(drafts.queryByRole("button", { name: "Delete the draft Later" })).toBeNull();
    fireEvent.click(drafts.getByRole("button", { name: "Show Later in the outbox" }));
    await waitFor(() => expect(router.state.location.search).toMatchObject({ label: "OUTBOX" }));
  });
});
