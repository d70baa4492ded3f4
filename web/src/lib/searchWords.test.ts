import { describe, expect, it } from "vitest";
import { excerpt, holdsAll, marked, wordsOf } from "./searchWords";

it.each([
  ["brass finish", ["brass", "finish"]],
  ['"brass finish" lamp', ["brass finish", "lamp"]],
  ["from:priya has:attachment is:unread lobby", ["priya", "lobby"]],
  ["lamp -brass OR shade", ["lamp", "shade"]],
  ["subject:(final count)", ["final", "count"]],
  ["newer_than:7d", []],
  ["foo:bar", ["foo:bar"]],
  [undefined, []],
])("%s is looked for as %j", (q, words) => expect(wordsOf(q)).toEqual(words));

const hits = (text: string, ...words: string[]) =>
  marked(text, words)
    .filter((p) => p.hit)
    .map((p) => p.text);

describe("words in a text", () => {
  it("are found whatever their case and accents", () => {
    expect(hits("The ZÜRICH office in Zurich", "zürich")).toEqual(["ZÜRICH", "Zurich"]);
  });
  it("are found where a word begins only", () =>
    expect(hits("unlamp lamps lamp-post", "lamp")).toEqual(["lamp", "lamp"]));
  it("are found anywhere in scripts without spaces", () => expect(hits("我们的灯具样品", "灯具")).toEqual(["灯具"]));
  it("may be a phrase over a line's end", () =>
    expect(hits("brass\nfinish", "brass finish")).toEqual(["brass\nfinish"]));
  it("may hold signs", () =>
    expect(hits("see INV-81085 (paid)", "INV-81085", "(paid)")).toEqual(["INV-81085", "(paid)"]));
  it("leave the text whole", () => {
    const text = "İstanbul — ﬁne lamps, naïve 😀 lamps";
    expect(
      marked(text, ["lamps", "naive"])
        .map((p) => p.text)
        .join(""),
    ).toBe(text);
    expect(marked(text, [])).toEqual([{ text, hit: false }]);
  });
});

it("knows whether all the words are there", () => {
  expect(holdsAll("Priya Raman: final count", ["count", "pri"])).toBe(true);
  expect(holdsAll("Priya Raman", ["priya", "count"])).toBe(false);
  expect(holdsAll("Priya Raman", [])).toBe(false);
});

it("cuts the text around the first word", () => {
  const text = `${"One long sentence before it. ".repeat(5)}The brass arrived. ${"And more after. ".repeat(20)}`;
  const cut = excerpt(text, ["brass"]);
  expect(cut).toMatch(/^… .*brass arrived.* …$/);
  expect(excerpt("brass first", ["brass"])).toBe("brass first");
  expect(excerpt("nothing here", ["brass"])).toBeUndefined();
});
