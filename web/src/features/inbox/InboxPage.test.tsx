import { fireEvent, screen, waitFor, within } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { Suspense } from "react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { live, renderPage } from "@/testing/render";
import { notConnected } from "@/testing/sample";
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
const rows = () => within(screen.getByRole("list", { name: "Conversations" })).getAllByRole("link");

// The list only makes the rows in sight, and nothing is in sight without a layout.
beforeEach(() => {
  vi.spyOn(HTMLElement.prototype, "clientHeight", "get").mockReturnValue(800);
  vi.spyOn(HTMLElement.prototype, "clientWidth", "get").mockReturnValue(400);
});
afterEach(() => vi.restoreAllMocks());

describe("the list", () => {
  it("shows conversations, newest first, with what is unread", async () => {
    const world = live();
    show();
    const expected = groupThreads(world.mail.filter((m) => m.labels.includes("INBOX")));
    await waitFor(() => expect(rows().length).toBeGreaterThan(5));
    expect(rows()[0]?.textContent).toContain(expected[0]?.newest.subject);
    expect(rows()[0]?.textContent?.startsWith("Unread.")).toBe(expected[0]?.unread);
    expect(screen.getByText(`${expected.length} conversations`)).toBeDefined();
  });

  it("makes only the rows in sight", async () => {
    live(() => undefined, 400);
    show();
    await waitFor(() => expect(rows().length).toBeGreaterThan(5));
    expect(rows().length).toBeLessThan(40);
  });

  it("invites to connect where nothing is connected", async () => {
    live((w) => {
      w.mail = [];
      w.status = notConnected;
    });
    show();
    expect(await screen.findByRole("link", { name: "Connect Google" })).toBeDefined();
  });

  it("says what to do when nothing matches", async () => {
    live();
    const { router } = show(`${path}?q=zebra`);
    fireEvent.click(await screen.findByRole("button", { name: "Show the whole inbox" }));
    await waitFor(() => expect(router.state.location.search).not.toHaveProperty("q", "zebra"));
  });

  it("says what happened when the server fails, and tries again", async () => {
    live();
    server.use(
      http.get("*/gmail/emails", () =>
        HttpResponse.json({ detail: "The database is full.", request_id: "r-9" }, { status: 500 }),
      ),
    );
    show();
    expect(await screen.findByText("The database is full.")).toBeDefined();
    expect(screen.getByText("Reference r-9")).toBeDefined();
    live();
    fireEvent.click(screen.getByRole("button", { name: "Try again" }));
    await waitFor(() => expect(rows().length).toBeGreaterThan(5));
  });

  it("filters by what is unread, in the address", async () => {
    live();
    const { router } = show();
    fireEvent.click(await screen.findByRole("button", { name: "Unread only" }));
    await waitFor(() => expect(router.state.location.search).toMatchObject({ unread: true }));
    await waitFor(() => expect(rows().every((r) => r.textContent?.startsWith("Unread."))).toBe(true));
  });
});

describe("the keyboard", () => {
  it("j and k move, o opens, u goes back", async () => {
    const world = live();
    const threads = groupThreads(world.mail.filter((m) => m.labels.includes("INBOX")));
    const { router } = show();
    await waitFor(() => expect(rows().length).toBeGreaterThan(5));
    press("j");
    press("j");
    press("k");
    press("o");
    await waitFor(() => expect(router.state.location.search).toMatchObject({ thread: threads[0]?.id }));
    expect((await screen.findAllByRole("article")).length).toBeGreaterThan(0);
    press("j");
    await waitFor(() => expect(router.state.location.search).toMatchObject({ thread: threads[1]?.id }));
    press("u");
    await waitFor(() => expect(router.state.location.search).not.toHaveProperty("thread", threads[1]?.id));
  });

  it("/ goes to the search, and typing searches all mail", async () => {
    live();
    const { router } = show();
    await waitFor(() => expect(rows().length).toBeGreaterThan(5));
    press("/");
    const field = screen.getByRole("combobox", { name: "Search mail" });
    expect(document.activeElement).toBe(field);
    fireEvent.change(field, { target: { value: "from:priya" } });
    await waitFor(() => expect(router.state.location.search).toMatchObject({ q: "from:priya" }));
    await waitFor(() => expect(rows().every((r) => /Priya/.test(r.textContent ?? ""))).toBe(true));
  });
});

describe("the focus", () => {
  const marked = () => document.querySelectorAll("[data-marked]");
  it("goes with j and k, so that there is one selected row", async () => {
    live();
    show();
    await waitFor(() => expect(rows().length).toBeGreaterThan(5));
    press("j");
    await waitFor(() => expect(document.activeElement).toBe(rows()[0]));
    press("j");
    await waitFor(() => expect(document.activeElement).toBe(rows()[1]));
    expect([...marked()]).toEqual([rows()[1]]);
    press("k");
    await waitFor(() => expect(document.activeElement).toBe(rows()[0]));
  });

  it("of a row marks it, and j goes on from there", async () => {
    live();
    show();
    await waitFor(() => expect(rows().length).toBeGreaterThan(5));
    fireEvent.focus(rows()[3] as HTMLElement);
    await waitFor(() => expect([...marked()]).toEqual([rows()[3]]));
    press("j");
    await waitFor(() => expect([...marked()]).toEqual([rows()[4]]));
  });

  it("returns to the row when the conversation is closed", async () => {
    live();
    show();
    await waitFor(() => expect(rows().length).toBeGreaterThan(5));
    fireEvent.click(rows()[2] as HTMLElement);
    await screen.findAllByRole("article");
    press("u");
    await waitFor(() => expect(document.activeElement).toBe(rows()[2]));
  });
});

describe("what stands in the way", () => {
  it("of a mailbox that was disconnected is said above its mail", async () => {
    live((w) => {
      w.status = { ...w.status, status: "disconnected", is_connected: false };
    });
    show();
    expect(await screen.findByText("Not connected.")).toBeDefined();
    expect(screen.getByText(/what was synced until/)).toBeDefined();
    expect(screen.getByRole("link", { name: "Connect Google" })).toBeDefined();
    expect(rows().length).toBeGreaterThan(5);
  });

  it("where mail may not be read is mended with one click", async () => {
    live((w) => {
      w.mail = [];
      w.status = {
        ...w.status,
        status: "degraded",
        granted_scopes: ["openid"],
        missing_scopes: [
          { scope: "https://www.googleapis.com/auth/gmail.readonly", feature: "Read mail", description: "" },
        ],
      };
    });
    show();
    expect(await screen.findByRole("button", { name: "Give the missing permission" })).toBeDefined();
  });

  it("while Google does not answer is said with the age of what is seen", async () => {
    live((w) => {
      const [history, ...others] = w.status.streams;
      if (!history) throw new Error("no stream");
      const synced_at = new Date(Date.now() - 12 * 60_000).toISOString();
      w.status = {
        ...w.status,
        streams: [
          { ...history, state: "waiting", error: "Google does not answer.", synced_at },
          ...others.map((s) => ({ ...s, synced_at: null })),
        ],
      };
    });
    show();
    expect((await screen.findByText("Google does not answer")).parentElement?.textContent).toBe(
      "Google does not answer; last synced 12 min ago; it is tried again by itself.",
    );
    expect(screen.getByRole("button", { name: "Sync now" }).hasAttribute("disabled")).toBe(false);
  });

  it("in a search that was not understood is said, with what was likely meant", async () => {
    live();
    const { router } = show(`${path}?q=has:attachmnt`);
    fireEvent.click(await screen.findByRole("button", { name: "has:attachment" }));
    await waitFor(() => expect(router.state.location.search).toMatchObject({ q: "has:attachment" }));
  });
});

describe("a file", () => {
  it("that does not come says why, and can be tried again", async () => {
    const world = live();
    const mail = world.mail.find((m) => m.has_attachments && m.body_html === "");
    server.use(
      http.get("*/attachments/:id", () =>
        HttpResponse.json({ detail: "Google has a problem just now.", request_id: "r-7" }, { status: 503 }),
      ),
    );
    show(`${path}?thread=${mail?.gmail_thread_id}`);
    const [link] = await screen.findAllByRole("link", { name: /canopy drawing.pdf/ });
    fireEvent.click(link as HTMLElement);
    expect(await screen.findByText("canopy drawing.pdf was not downloaded")).toBeDefined();
    expect(screen.getByText(/Google has a problem just now/)).toBeDefined();
    live();
    const saved = vi.spyOn(URL, "createObjectURL").mockReturnValue("blob:x");
    vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(() => undefined);
    fireEvent.click(screen.getByRole("button", { name: "Try again" }));
    await waitFor(() => expect(saved).toHaveBeenCalledOnce());
  });
});

describe("a conversation", () => {
  it("opens its last message and folds the older ones", async () => {
    const world = live(undefined, 120);
    const long = groupThreads(world.mail).find((t) => t.count >= 6);
    show(`${path}?thread=${long?.id}`);
    fireEvent.click(await screen.findByRole("button", { name: /older messages?$/ }));
    const articles = await screen.findAllByRole("article");
    expect(articles.length).toBe(long?.count);
    const folds = screen.getAllByRole("button", { name: /^(Fold|Open) the message/ });
    expect(folds.at(-1)?.getAttribute("aria-expanded")).toBe("true");
    expect(folds[0]?.getAttribute("aria-expanded")).toBe("false");
  });

  it("offers its files", async () => {
    const world = live();
    const mail = world.mail.find((m) => m.has_attachments && m.body_html === "");
    show(`${path}?thread=${mail?.gmail_thread_id}`);
    const [link] = await screen.findAllByRole("link", { name: /canopy drawing.pdf/ });
    expect(link?.getAttribute("href")).toContain(`/gmail/emails/${mail?.id}/attachments/b`);
    expect(link?.getAttribute("download")).toBe("canopy drawing.pdf");
  });

  it("that is gone says so", async () => {
    live();
    show(`${path}?thread=deadbeef`);
    expect(await screen.findByText("This conversation is no longer here")).toBeDefined();
  });
});
