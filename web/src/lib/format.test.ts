import { describe, expect, it } from "vitest";
import { ago, bytes, longDate, plural, roughly, shortDate, took } from "./format";

const now = new Date(2026, 2, 12, 14, 30); // a Thursday
const local = (...parts: [number, number, number, number, number]) => new Date(...parts).toISOString();

describe("dates as people say them", () => {
  it.each([
    [local(2026, 2, 12, 9, 5), "09:05", "today 09:05"],
    [local(2026, 2, 11, 23, 59), "Yesterday", "yesterday 23:59"],
    [local(2026, 2, 9, 8, 0), "Mon", "Mon 08:00"],
    [local(2026, 0, 3, 8, 0), "3 Jan", "3 Jan, 08:00"],
    [local(2024, 2, 3, 8, 0), "3 Mar 2024", "3 Mar 2024, 08:00"],
    // A clock that is ahead: never "-1 days".
    [local(2026, 2, 13, 8, 0), "13 Mar", "13 Mar, 08:00"],
  ])("%s is %s in a column and %s in a sentence", (iso, short, long) => {
    expect(shortDate(iso, now)).toBe(short);
    expect(longDate(iso, now)).toBe(long);
  });

  it.each([
    [0, "just now"],
    [12, "12 s ago"],
    [240, "4 min ago"],
    [7200, "2 h ago"],
  ])("%i seconds back is %s", (seconds, text) => {
    expect(ago(new Date(now.getTime() - seconds * 1000).toISOString(), now)).toBe(text);
  });
});

it.each([
  [1, "1 message"],
  [0, "0 messages"],
  [4212, "4,212 messages"],
])("counts %i as %s", (n, text) => expect(plural(n, "message")).toBe(text));

it.each([
  [900, "900 B"],
  [48_210, "47 KB"],
  [1_284_400, "1.2 MB"],
  [3 * 2 ** 30, "3.0 GB"],
])("%i bytes are %s", (n, text) => expect(bytes(n)).toBe(text));

it.each([
  [2, "a few seconds"],
  [43, "about 45 s"],
  [200, "about 3 min"],
  [20_000, "about 6 h"],
])("%i seconds are roughly %s", (n, text) => expect(roughly(n)).toBe(text));

it("says how long a run took", () => {
  expect(took("2026-03-12T10:00:00Z", "2026-03-12T10:00:00.400Z")).toBe("0.4 s");
  expect(took("2026-03-12T10:00:00Z", "2026-03-12T10:04:04Z")).toBe("4 min 4 s");
});
