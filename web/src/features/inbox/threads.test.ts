import { describe, expect, it } from "vitest";
import { makeMail } from "@/testing/sample";
import { groupThreads, rowsAbove, whoOf } from "./threads";
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

describe("who a row is about", () => {
  const [email] = mail;
  if (!email) throw new Error("no sample");
  const hotel = { name: "Hotel Skärvik", email: "stay@skarvik.example" };
  const me = { name: "Mara Lindqvist", email: "Mara@northwind-lamps.example" };
  const davide = { name: "", email: "davide@bellafonte.example" };
  const mine = new Set(["mara@northwind-lamps.example"]);
  const names = new Map([["davide@bellafonte.example", "Davide Dell'Orto"]]);
  const of = (from: typeof hotel, senders: (typeof hotel)[], sent = false) => {
    const newest = { ...email, from_name: from.name, from_email: from.email, to_emails: [hotel.email] };
    const [thread] = groupThreads([{ ...newest, thread_senders: senders }]);
    return thread && whoOf(thread, mine, names, sent);
  };
  it("is the whole name where one wrote", () => expect(of(hotel, [hotel])).toBe("Hotel Skärvik"));
  it("is everybody who wrote, the reader as me", () =>
    expect(of(hotel, [hotel, me, davide])).toBe("Hotel, me, Davide"));
  it("stays so when the reader wrote last", () => expect(of(me, [hotel, me])).toBe("Hotel, me"));
  it("is short where many wrote", () =>
    expect(of(hotel, [hotel, { name: "Ann B", email: "a@x.example" }, me, davide])).toBe("Hotel … me, Davide"));
  it("is whom it went to, among what was sent and where only the reader wrote", () => {
    expect(of(me, [hotel, me], true)).toBe("To stay@skarvik.example");
    expect(of(me, [me])).toBe("To stay@skarvik.example");
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
