import { describe, expect, it } from "vitest";
import { makeMail } from "@/testing/sample";
import { groupThreads, rowsAbove } from "./threads";
import { emailQuery } from "./useInbox";

const mail = makeMail(60, new Date("2026-03-12T10:00:00Z"));

describe("conversations", () => {
  const threads = groupThreads(mail);
  it("stand once each, by their newest message", () => {
    expect(new Set(threads.map((t) => t.id)).size).toBe(threads.length);
    for (const t of threads) {
      const newest = mail.find((m) => m.gmail_thread_id === t.id);
      expect(t.newest.id).toBe(newest?.id);
    }
  });
  it("are unread while one message is", () => {
    for (const t of threads) expect(t.unread).toBe(mail.some((m) => m.gmail_thread_id === t.id && !m.is_read));
  });
  it("of two mailboxes are two, even with the same id", () => {
    const [first] = mail;
    if (!first) throw new Error("no sample");
    expect(groupThreads([first, { ...first, id: "other", connection_id: "c2" }])).toHaveLength(2);
  });
  it("count the rows that came above", () => {
    expect(rowsAbove(threads[0]?.id, threads)).toBe(0);
    expect(rowsAbove(threads[2]?.id, threads)).toBe(2);
    expect(rowsAbove("gone", threads)).toBe(0);
  });
});

describe("what is asked of the server", () => {
  it("is the inbox at first", () =>
    expect(emailQuery({})).toMatchObject({ label: "INBOX", q: undefined, threads: true }));
  it("is all mail when searching", () =>
    expect(emailQuery({ q: "lamps" })).toMatchObject({ label: undefined, q: "lamps" }));
  it("is a label where one is chosen", () => expect(emailQuery({ q: "x", label: "SENT" }).label).toBe("SENT"));
  it("is everything for 'All mail'", () => expect(emailQuery({ label: "ALL" }).label).toBeUndefined());
});
