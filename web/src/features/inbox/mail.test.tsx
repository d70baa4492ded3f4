import { fireEvent, screen, waitFor, within } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { Suspense } from "react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { World } from "@/testing/handlers";
import { live, renderPage } from "@/testing/render";
import { server } from "@/testing/setup";
import { InboxPage } from "./InboxPage";
import { groupThreads } from "./threads";

const path = "/crm/inbox";
const show = (at = path) =>
  renderPage(
    <Suspense>
      <InboxPage />
    </Suspense>,
    { path, at },
  );
const press = (key: string, more: object = {}) => fireEvent.keyDown(window, { key, ...more });
const list = () => within(screen.getByRole("list", { name: "Conversations" }));
const rows = () => list().getAllByRole("link");
const ids = () => rows().map((r) => r.getAttribute("data-thread"));
const inboxOf = (world: World) => groupThreads(world.mail.filter((m) => m.labels.includes("INBOX")));
const posted = (world: World, what: string) => world.log.filter((l) => l.startsWith("POST") && l.includes(what));
const boxes = () => list().getAllByRole("checkbox") as HTMLInputElement[];

beforeEach(() => {
  vi.spyOn(HTMLElement.prototype, "clientHeight", "get").mockReturnValue(800);
  vi.spyOn(HTMLElement.prototype, "clientWidth", "get").mockReturnValue(400);
});
afterEach(() => vi.restoreAllMocks());

describe("a change", () => {
  it("takes the row away at once, and Z brings it back to its place", async () => {
    const world = live();
    show();
    await waitFor(() => expect(rows().length).toBeGreaterThan(5));
    const before = ids();
    press("j");
    press("j");
    press("e");
    await waitFor(() => expect(ids()).not.toContain(before[1]));
    expect(ids()[0]).toBe(before[0]);
    await screen.findByText("Archived");
    press("z");
    await waitFor(() => expect(ids().slice(0, 4)).toEqual(before.slice(0, 4)));
    await waitFor(() => expect(posted(world, "/undo").length).toBe(1));
    expect(posted(world, "/gmail/changes").length).toBe(2);
  });

  it("of many is one request, with the number of conversations", async () => {
    const world = live();
    show();
    await waitFor(() => expect(rows().length).toBeGreaterThan(5));
    const before = ids();
    fireEvent.click(boxes()[1] as HTMLElement);
    fireEvent.click(boxes()[3] as HTMLElement, { shiftKey: true });
    await screen.findByText("3 ticked");
    fireEvent.click(within(screen.getByRole("toolbar")).getByRole("button", { name: "Archive" }));
    await screen.findByText("3 conversations archived");
    await waitFor(() => expect(ids().slice(0, 2)).toEqual([before[0], before[4]]));
    fireEvent.click(screen.getByRole("button", { name: /^Undo/ }));
    await waitFor(() => expect(ids().slice(0, 5)).toEqual(before.slice(0, 5)));
    expect(posted(world, "/gmail/changes").filter((l) => !l.endsWith("undo")).length).toBe(1);
    expect(screen.queryByText("3 ticked")).toBeNull();
  });

  it("that the server refuses is taken back, and says why", async () => {
    live();
    server.use(
      http.post("*/gmail/changes", () =>
        HttpResponse.json({ detail: "The permission to change mail was not given." }, { status: 403 }),
      ),
    );
    show();
    await waitFor(() => expect(rows().length).toBeGreaterThan(5));
    const before = ids();
    press("j");
    press("#");
    await waitFor(() => expect(document.querySelector("[data-returned]")).not.toBeNull()); // for four seconds
    expect(await screen.findByText("The permission to change mail was not given.")).toBeDefined();
    await waitFor(() => expect(ids().slice(0, 3)).toEqual(before.slice(0, 3)));
  });

  it("of the open conversation leads to the next one", async () => {
    const world = live();
    const threads = inboxOf(world);
    const { router } = show(`${path}?thread=${threads[1]?.id}`);
    await screen.findAllByRole("article");
    await waitFor(() => expect(rows().length).toBeGreaterThan(5));
    press("e");
    await waitFor(() => expect(router.state.location.search).toMatchObject({ thread: threads[2]?.id }));
  });

  it("marks as read what is opened, without a word", async () => {
    const world = live();
    const unread = inboxOf(world).find((t) => t.unread);
    show(`${path}?thread=${unread?.id}`);
    await screen.findAllByRole("article");
    await waitFor(() => expect(posted(world, "/gmail/changes").length).toBe(1));
    expect(world.mail.filter((m) => m.gmail_thread_id === unread?.id).every((m) => m.is_read)).toBe(true);
    expect(screen.queryByText("Marked as read")).toBeNull();
  });

  it("gives a label that is made on the way", async () => {
    const world = live();
    show();
    await waitFor(() => expect(rows().length).toBeGreaterThan(5));
    press("j");
    press("l");
    const field = await screen.findByRole("combobox", { name: "Label as" });
    fireEvent.change(field, { target: { value: "Showroom" } });
    fireEvent.keyDown(field, { key: "Enter" });
    await screen.findByText("Labelled Showroom");
    await waitFor(() => expect(inboxOf(world)[0]?.newest.labels).toContain("Label_showroom"));
  });
});

describe("a colleague's mail", () => {
  it("says whose it is and what is hidden, and offers no changes", async () => {
    const world = live((w) => {
      const first = w.mail.find((m) => m.labels.includes("INBOX"));
      const others = w.mail.filter((m) => m.gmail_thread_id === first?.gmail_thread_id);
      for (const m of others)
        Object.assign(m, {
          owner: { user_id: "u2", name: "Daniel Osei", mine: false },
          access: "metadata",
          subject: "",
          snippet: "",
          body_text: "",
          body_html: "",
        });
    });
    const first = inboxOf(world)[0];
    show(`${path}?label=COLLEAGUES&thread=${first?.id}`);
    expect((await screen.findAllByText(/Daniel Osei’s mailbox/)).length).toBeGreaterThan(0);
    await waitFor(() => expect(rows()[0]?.textContent).toContain("Subject hidden"));
    expect(rows()[0]?.textContent).toContain("Text not shared");
    expect((await screen.findAllByText(/ask Daniel Osei to share/)).length).toBeGreaterThan(0);
    expect(screen.queryByRole("button", { name: "Reply" })).toBeNull();
    expect(posted(world, "changes")).toEqual([]);
  });
});

describe("sharing", () => {
  const open = async (world: World) => {
    show(`${path}?thread=${inboxOf(world)[0]?.id}`);
    await screen.findAllByRole("article");
    fireEvent.click(await screen.findByRole("button", { name: "Share" }));
    return within(await screen.findByRole("dialog"));
  };

  it("opens a conversation to a colleague, shows who has it, and ends it", async () => {
    const world = live();
    const dialog = await open(world);
    fireEvent.click((await dialog.findAllByRole("button", { name: /^Share with/ }))[0] as HTMLElement);
    fireEvent.click(await dialog.findByRole("button", { name: /^Stop sharing with/ }));
    await waitFor(() => expect(dialog.queryByRole("button", { name: /^Stop sharing with/ })).toBeNull());
    expect(world.post.shares).toEqual([]);
  });

  it("says why protected mail stays where it is", async () => {
    const world = live((w) => {
      for (const m of w.mail) m.protected = true;
    });
    const dialog = await open(world);
    expect(await dialog.findByText(/protected address. It stays yours alone/)).toBeDefined();
    expect(dialog.queryByRole("button", { name: /^Share with/ })).toBeNull();
  });
});

describe("writing", () => {
  const plain = async () => {
    const dialog = within(await screen.findByRole("dialog"));
    fireEvent.click(await dialog.findByRole("button", { name: "Plain text" }));
    return dialog;
  };
  const write = (dialog: ReturnType<typeof within>, text: string) =>
    fireEvent.change(dialog.getByRole("textbox", { name: "Message" }), { target: { value: text } });

  /** What is left open is saved, and the next test would find it. */
  const discard = async (dialog: ReturnType<typeof within>) => {
    fireEvent.click(dialog.getByRole("button", { name: "Discard the draft" }));
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  };

  it("answers, with the address and the quotation in their places, once", async () => {
    const world = live();
    const thread = inboxOf(world)[0];
    show(`${path}?thread=${thread?.id}`);
    await screen.findAllByRole("article");
    press("r");
    const dialog = await plain();
    expect(dialog.getByText(`Mara Lindqvist <${thread?.newest.to_emails[0]}>`)).toBeDefined();
    write(dialog, "That works.");
    const button = dialog.getByRole("button", { name: "Send" });
    fireEvent.click(button);
    fireEvent.click(button);
    await screen.findByText(/Sending in/);
    expect(world.post.sent).toHaveLength(1);
    expect(world.post.sent[0]).toMatchObject({ reply_to_email_id: thread?.newest.id, undo_seconds: 10 });
    expect(world.post.sent[0]?.text).toMatch(/^That works\.\n\n-- \nMara Lindqvist\n\n.* wrote:\n\n> /);
    expect(screen.queryByRole("dialog")).toBeNull();
  });

  it("opens again as it was when sending is undone, and is then sent under another key", async () => {
    const world = live();
    show(`${path}?thread=${inboxOf(world)[0]?.id}`);
    await screen.findAllByRole("article");
    press("r");
    let dialog = await plain();
    write(dialog, "Too quick");
    fireEvent.click(dialog.getByRole("button", { name: "Send" }));
    await screen.findByText(/Sending in/);
    fireEvent.click(await screen.findByRole("button", { name: /^Undo/ }));
    dialog = within(await screen.findByRole("dialog"));
    await waitFor(() => expect(dialog.getByRole("textbox", { name: "Message" })).toHaveProperty("value", "Too quick"));
    expect(world.post.outbox[0]?.state).toBe("cancelled");
    fireEvent.click(dialog.getByRole("button", { name: "Send" }));
    await waitFor(() => expect(world.post.outbox).toHaveLength(2));
    expect(world.post.keys.size).toBe(2);
  });

  it("is taken back by Z while it can be", async () => {
    const world = live();
    show(`${path}?thread=${inboxOf(world)[0]?.id}`);
    await screen.findAllByRole("article");
    press("r");
    let dialog = await plain();
    write(dialog, "Too quick");
    fireEvent.click(dialog.getByRole("button", { name: "Send" }));
    await screen.findByText(/Sending in/);
    press("z");
    dialog = within(await screen.findByRole("dialog"));
    await waitFor(() => expect(dialog.getByRole("textbox", { name: "Message" })).toHaveProperty("value", "Too quick"));
    expect(world.post.outbox[0]?.state).toBe("cancelled");
    await discard(dialog);
  });

  it("ends with Escape in the text, and in the subject", async () => {
    live();
    for (const field of ["Message", "Subject"]) {
      const { unmount } = show(`${path}?compose=new`);
      const dialog = within(await screen.findByRole("dialog"));
      const box = await dialog.findByRole("textbox", { name: field });
      fireEvent.keyDown(box, { key: "Escape", code: "Escape", keyCode: 27 });
      await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
      unmount();
    }
  });

  it("says what is missing, and sends nothing", async () => {
    const world = live();
    show(`${path}?compose=new`);
    const dialog = await plain();
    write(dialog, "Hello");
    fireEvent.click(dialog.getByRole("button", { name: "Send" }));
    expect((await dialog.findByRole("alert")).textContent).toBe("Say who it goes to.");
    const to = dialog.getByRole("combobox", { name: "To" });
    fireEvent.change(to, { target: { value: "nobody" } });
    fireEvent.blur(to);
    fireEvent.click(dialog.getByRole("button", { name: "Send" }));
    expect((await dialog.findByRole("alert")).textContent).toBe("“nobody” is no e-mail address.");
    expect(world.post.sent).toEqual([]);
    await discard(dialog);
  });

  it("keeps a draft by itself, named in the address for a reload, until it is discarded", async () => {
    const world = live();
    const { router } = show(`${path}?compose=new`);
    const dialog = await plain();
    fireEvent.change(dialog.getByRole("textbox", { name: "Subject" }), { target: { value: "Samples" } });
    write(dialog, "We send three.");
    await dialog.findByText(/Draft saved/);
    expect(world.post.drafts[0]).toMatchObject({ subject: "Samples" });
    await waitFor(() =>
      expect(router.state.location.search).toHaveProperty("compose", expect.stringMatching(/draft-1$/)),
    );
    await discard(dialog);
    await screen.findByText("Draft discarded");
    await waitFor(() => expect(world.post.drafts).toEqual([]));
  });

  it("offers people while a name is typed", async () => {
    live();
    show(`${path}?compose=new`);
    const dialog = await plain();
    const to = dialog.getByRole("combobox", { name: "To" });
    fireEvent.focus(to);
    fireEvent.change(to, { target: { value: "priya" } });
    fireEvent.click(await dialog.findByRole("option", { name: /Priya Venkatesan/ }));
    expect(dialog.getByRole("button", { name: "Remove Priya Venkatesan" })).toBeDefined();
    await discard(dialog);
  });
});

describe("the outbox", () => {
  it("says why something was not sent, and tries again; what is planned can be stopped", async () => {
    const world = live((w) => {
      const base = {
        connection_id: w.status.connection_id,
        from: "",
        to: ["Priya Venkatesan <priya@tallpine-hotels.example>"],
        cc: [],
        bcc: [],
        thread_id: "",
        reply_to_email_id: "",
        draft_id: "",
        created_at: w.now().toISOString(),
        sent_at: null,
        email_id: "",
        gmail_id: "",
        attempts: 1,
        next_try_at: null,
      };
      const later = new Date(w.now().getTime() + 86_400_000).toISOString();
      w.post.outbox.push(
        {
          ...base,
          id: "o1",
          state: "failed",
          subject: "Offer",
          send_at: w.now().toISOString(),
          error: "Gmail did not take the recipient.",
          next_step: "Correct the address.",
          can_cancel: false,
        },
        {
          ...base,
          id: "o2",
          state: "queued",
          subject: "Later",
          send_at: later,
          error: "",
          next_step: "",
          can_cancel: true,
        },
      );
    });
    show(`${path}?label=OUTBOX`);
    expect(await screen.findByText("Gmail did not take the recipient. Correct the address.")).toBeDefined();
    expect(screen.getByRole("region", { name: "Scheduled" })).toBeDefined();
    fireEvent.click(screen.getByRole("button", { name: "Do not send" }));
    await waitFor(() => expect(world.post.outbox[1]?.state).toBe("cancelled"));
    fireEvent.click(screen.getByRole("button", { name: "Try again" }));
    await waitFor(() => expect(world.post.outbox[0]?.state).toBe("queued"));
  });
});
