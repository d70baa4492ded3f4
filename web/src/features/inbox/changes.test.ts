import { describe, expect, it } from "vitest";
import type { EmailListItem } from "@/lib/types";
import { applied, belongs, changed, done, keyOf, type Pages, restored } from "./changes";

const mail = (n: number, more: Partial<EmailListItem> = {}): EmailListItem => ({
  id: `e${n}`,
  gmail_id: `g${n}`,
  gmail_thread_id: `t${n}`,
  connection_id: "c",
  subject: `Subject ${n}`,
  from_email: "jonas@harbourglass.example",
  from_name: "Jonas",
  to_emails: [],
  cc: [],
  recipients: [],
  snippet: "",
  labels: ["INBOX", "UNREAD"],
  is_read: false,
  is_starred: false,
  gmail_date: `2026-03-${String(30 - n).padStart(2, "0")}T10:00:00Z`,
  has_attachments: false,
  thread_count: 1,
  thread_senders: [],
  records: [],
  access: "full",
  owner: { user_id: "u", name: "Mara", mine: true },
  shared: false,
  protected: false,
  ...more,
});

const list = (...pages: EmailListItem[][]): Pages => ({
  pages: pages.map((items, i) => ({ items, next_cursor: i < pages.length - 1 ? "x" : "", total: pages.flat().length })),
  pageParams: pages.map(() => undefined),
});
const ids = (data: Pages) => data.pages.map((p) => p.items.map((m) => m.id));
const inbox = { label: "INBOX", threads: true };

describe("a change", () => {
  it("is what the message says afterwards", () => {
    expect(changed(mail(1), { action: "read" })).toMatchObject({ is_read: true, labels: ["INBOX"] });
    expect(changed(mail(1), { action: "star" })).toMatchObject({ is_starred: true });
    const label = { id: "L1", name: "Projects" };
    expect(changed(mail(1), { action: "add_label", label }).labels).toContain("L1");
    expect(changed(mail(1, { labels: ["L1"] }), { action: "remove_label", label }).labels).toEqual([]);
  });

  it.each([
    ["archive", inbox, false],
    ["archive", { threads: true }, true],
    ["trash", { threads: true }, false],
    ["spam", { threads: true }, false],
    ["trash", { label: "TRASH" }, true],
    ["read", { ...inbox, is_unread: true }, false],
    ["star", inbox, true],
  ] as const)("%s leaves a message in %j: %s", (action, query, stays) => {
    expect(belongs(changed(mail(1), { action }), query)).toBe(stays);
  });

  it("takes rows out of the list at once, and puts them back in their place", () => {
    const before = list([mail(1), mail(2), mail(3)], [mail(4), mail(5)]);
    const meant = new Set([mail(2), mail(4)].map(keyOf));
    const after = applied(before, inbox, meant, { action: "archive" });
    expect(ids(after.data)).toEqual([["e1", "e3"], ["e5"]]);
    expect(after.data.pages[0]?.total).toBe(3);
    const back = restored(after.data, after.before);
    expect(ids(back).flat()).toEqual(["e1", "e2", "e3", "e4", "e5"]);
    expect(back.pages[0]?.total).toBe(5);
    expect(back.pages.flatMap((p) => p.items)).toEqual(before.pages.flatMap((p) => p.items));
  });

  it("puts back what stayed in the list as it was, also after the list was read anew", () => {
    const before = list([mail(1), mail(2)]);
    const after = applied(before, inbox, new Set([keyOf(mail(1))]), { action: "star" });
    expect(after.data.pages[0]?.items[0]?.is_starred).toBe(true);
    const anew = list([mail(0), ...(after.data.pages[0]?.items ?? [])]);
    expect(restored(anew, after.before).pages[0]?.items.map((m) => [m.id, m.is_starred])).toEqual([
      ["e0", false],
      ["e1", false],
      ["e2", false],
    ]);
  });

  it("does not touch conversations of the same id in another mailbox", () => {
    const after = applied(list([mail(1, { connection_id: "other" })]), inbox, new Set(["c/t1"]), { action: "archive" });
    expect(ids(after.data)).toEqual([["e1"]]);
  });
});

it("says what was done", () => {
  expect(done({ action: "archive" }, 1)).toBe("Archived");
  expect(done({ action: "archive" }, 12)).toBe("12 conversations archived");
  expect(done({ action: "add_label", label: { id: "L", name: "Projects" } }, 1)).toBe("Labelled Projects");
});
