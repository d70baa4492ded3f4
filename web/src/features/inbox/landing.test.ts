import { describe, expect, it } from "vitest";
import { makeMail } from "@/testing/sample";
import { foundIn, openAtFirst } from "./landing";

const [sample] = makeMail(1, new Date("2026-03-12T10:00:00Z"));
if (!sample) throw new Error("no sample");
const email = (id: string, body_text: string, is_read = true) => ({
  ...sample,
  id,
  body_text,
  subject: "x",
  is_read,
  attachments: [],
});
const thread = [email("a", "brass lamps"), email("b", "brass finish"), email("c", "thanks", false), email("d", "bye")];

describe("a search leads into a conversation", () => {
  it("at the message it named", () => expect(foundIn(thread, "a", ["elsewhere"])).toBe("a"));
  it("at the newest that holds all words, where it named none", () => {
    expect(foundIn(thread, undefined, ["brass"])).toBe("b");
    expect(foundIn(thread, "elsewhere", ["brass", "lamps"])).toBe("a");
  });
  it("at the newest that holds one of them, where none holds all", () =>
    expect(foundIn(thread, undefined, ["lamps", "bye"])).toBe("d"));
  it("where the words were written, not where they are quoted", () => {
    const quoting = [email("a", "the walnut one"), email("b", "Thanks\n\nOn Monday, Mara wrote:\n> the walnut one")];
    expect(foundIn(quoting, "b", ["walnut"])).toBe("a");
    expect(foundIn(quoting, "b", ["thanks"])).toBe("b");
  });
  it("nowhere in particular without words", () => expect(foundIn(thread, undefined, [])).toBeUndefined());
});

it("opens the last message and what is unread, or what was found", () => {
  expect([...openAtFirst(thread)]).toEqual(["c", "d"]);
  expect([...openAtFirst(thread, "a")]).toEqual(["a", "d"]);
});
