import { describe, expect, it } from "vitest";
import { doubts, isHalfTyped, mended, nearest } from "./searchDoubts";

const label = (id: string, name: string, chosen = true, total = 1) => ({ id, name, chosen, total });
const labels = [
  label("INBOX", "INBOX"),
  label("SPAM", "SPAM", false, 0),
  label("TRASH", "TRASH", false, 0),
  label("Label_1", "Big projects"),
  label("Label_2", "Customers/Hotels"),
];
const first = (q: string) => doubts(q, labels)[0];

describe("an operator half typed", () => {
  it.each(["is:unr", "lamps has:att", "label:custom", "in:inb", "after:2026/0x", "newer_than:2"])("%s waits", (q) =>
    expect(isHalfTyped(q, labels)).toBe(true),
  );
  it.each([
    "from:fr",
    "subject:lam",
    "is:unread",
    "is:unr lamps",
    "label:",
    "lamps",
    "http://x",
    "Re:lamps",
    "in:spam",
  ])("%s is searched for", (q) => expect(isHalfTyped(q, labels)).toBe(false));
});

describe("what was not understood", () => {
  it.each([
    ["has:attachmnt", "has:attachment"],
    ["is:unraed lamps", "is:unread"],
    ["-is:starrd", "is:starred"],
    ["form:priya", "from:priya"],
    ['sujbect:"final count"', 'subject:"final count"'],
    ["category:promotion", "category:promotions"],
    ["label:Invoicse", undefined],
    ["label:bigproject", 'label:"Big projects"'],
  ])("%s: did you mean %s", (q, instead) => {
    expect(first(q)?.instead).toBe(instead);
    expect(first(q)?.message).not.toBe("");
  });
  it("names what would do where nothing is near", () =>
    expect(first("is:bogus")?.message).toBe(
      "“is:bogus” was not understood. After is: comes unread, read, starred or important.",
    ));
  it("says that a word before a colon is no operator", () => {
    expect(first("foo:bar")).toEqual({
      term: "foo:bar",
      message: "“foo:” is no search operator, so it was searched as words.",
      instead: undefined,
    });
  });
  it.each(["after:soon", "newer_than:week", "larger:big"])("%s says how it is written", (q) =>
    expect(first(q)?.message).toMatch(/Write/),
  );
  it.each(["in:spam", "in:trash", "in:bin", "label:spam", "in:chats"])("%s is not imported", (q) => {
    expect(first(q)?.message).toMatch(/not imported/);
    expect(first(q)?.settings).toBe(true);
  });
});

it.each([
  "lamps",
  "from:priya to:me cc:x subject:(final count) filename:pdf",
  "is:unread has:attachment in:inbox in:anywhere in:archive",
  "after:2026/03/01 before:2026-4-1 newer_than:7d older:today larger:10M size:500",
  "label:Big-projects label:INBOX label:customers-hotels in:sent",
  "https://lamps.example/price 12:30 Re: Minutes: today",
  '"foo:bar baz"',
  "from:",
])("%s is understood", (q) => expect(doubts(q, labels)).toEqual([]));

it("knows nothing of labels before they are there", () => expect(doubts("in:spam label:x", [])).toEqual([]));

it("puts the better term in place", () => {
  const doubt = first("lamps -has:attachmnt x");
  expect(doubt && mended("lamps -has:attachmnt x", doubt)).toBe("lamps -has:attachment x");
});

it("takes nothing that is too far", () => {
  expect(nearest("zz", ["to", "cc"])).toBeUndefined();
  expect(nearest("unred", ["read", "unread"])).toBe("unread");
});
