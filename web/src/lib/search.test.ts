import { describe, expect, it } from "vitest";
import { complete, fromServer, queryText, suggest, together, wordAt } from "./search";

const known = {
  people: [
    { name: "Jonas Okafor", email: "jonas@harbourglass.example" },
    { name: "Priya Venkatesan", email: "priya@tallpine.example" },
  ],
  labels: [
    { id: "Label_1", name: "Big projects", chosen: true, total: 4 },
    { id: "Label_2", name: "Invoices", chosen: true, total: 2 },
  ],
};
const labelsOf = (text: string) => suggest(text, text.length, known).map((s) => s.label);

describe("suggestions", () => {
  it("offers operators on an empty line", () => expect(labelsOf("")).toContain("from:"));
  it("completes an operator", () => expect(labelsOf("has")).toEqual(["has:attachment"]));
  it("offers people after from:", () => expect(labelsOf("from:jo")).toEqual(["from:jonas@harbourglass.example"]));
  it("finds people by name without an operator", () =>
    expect(labelsOf("priya")).toEqual(["from:priya@tallpine.example"]));
  it("keeps the minus", () => expect(labelsOf("-from:jo")).toEqual(["-from:jonas@harbourglass.example"]));
  it("offers nothing more for a word that is complete", () => expect(labelsOf("is:unread")).toEqual([]));
  it("offers spans of time", () => expect(labelsOf("newer_than:")).toContain("newer_than:7d"));
});

it("knows the word at the caret, also within quotes", () => {
  expect(wordAt("a from:jo b", 9)).toEqual({ word: "from:jo", start: 2 });
  expect(wordAt('subject:"two words', 18)).toEqual({ word: 'subject:"two words', start: 0 });
});

it("puts a suggestion in the place of the word and quotes labels of several words", () => {
  const [first] = suggest("hello label:big", 15, known);
  expect(first && complete("hello label:big", 15, first)).toEqual({ text: 'hello label:"Big projects" ', caret: 27 });
});

it("leaves what stands after the caret", () => {
  const [first] = suggest("from:jo lamps", 7, known);
  expect(first && complete("from:jo lamps", 7, first).text).toBe("from:jonas@harbourglass.example lamps");
});

it.each([
  ["lamps", true, "lamps has:attachment"],
  ["has:attachment", true, "has:attachment"],
  ["  ", undefined, undefined],
  [undefined, true, "has:attachment"],
])("joins %s and the filter %s to %s", (words, files, text) => expect(queryText(words, files)).toBe(text));

describe("what the server offers", () => {
  it("completes the word at the caret, beside what is at hand", () => {
    const text = "has:attachment from:jo";
    const more = fromServer(text, text.length, [
      { text: "has:attachment from:jonas@harbourglass.example", hint: "Jonas" },
      { text: "something else", hint: "" },
    ]);
    expect(more).toEqual([
      { insert: "from:jonas@harbourglass.example ", label: "from:jonas@harbourglass.example", hint: "Jonas" },
    ]);
    expect(together([...more], more)).toEqual(more);
  });
});

it("adds the filters to the words", () => {
  expect(queryText("lamps", true, true)).toBe("lamps has:attachment is:starred");
  expect(queryText("is:starred", false, true)).toBe("is:starred");
  expect(queryText(undefined, undefined)).toBeUndefined();
});
