import { describe, expect, it } from "vitest";
import type { Draft } from "@/lib/types";
import {
  addressesIn,
  begun,
  blank,
  fresh,
  isAddress,
  type Letter,
  parted,
  print,
  requestOf,
  settled,
  textOf,
  unsaved,
  wholeHtml,
  whyNotSendable,
} from "./letter";
import { ahead, fieldValue, times } from "./when";

const file = (name: string, size = 3) => ({
  key: name,
  name,
  type: "text/plain",
  size,
  data: new File(["abc"], name),
});
const letter = (more: Partial<Letter> = {}): Letter => ({ ...blank, key: "k", to: ["a@b.example"], ...more });
const read = (f: File) => Promise.resolve(`data of ${f.name}`);
const draft = (attachments: Draft["attachments"]): Draft => ({
  id: "d1",
  connection_id: "c",
  gmail_message_id: "m",
  thread_id: "",
  from: "",
  to: [],
  cc: [],
  bcc: [],
  subject: "",
  text: "",
  html: "",
  snippet: "",
  attachments,
  updated_at: "",
});

describe("what an answer begins with", () => {
  const html =
    '<div><br></div><div class="gmail_signature">Mara<br>Lamps</div><div><br></div><div class="gmail_quote"><div>On Monday:</div><blockquote class="gmail_quote">Hello</blockquote></div>';

  it("is taken apart into text, signature and quotation", () => {
    expect(parted(html)).toEqual({
      body: "",
      signature: '<div class="gmail_signature">Mara<br>Lamps</div>',
      quote: '<div class="gmail_quote"><div>On Monday:</div><blockquote class="gmail_quote">Hello</blockquote></div>',
    });
    expect(parted("<div>Own words</div><div><br></div>").body).toBe("<div>Own words</div>");
  });

  it("stands below what is written, signature first", () => {
    const l = begun("reply", {
      connection_id: "c",
      from: "m@l.example",
      to: ["a@b.example"],
      cc: [],
      subject: "Re: Hello",
      html,
      text: "\n\n-- \nMara\n\n> Hello",
      reply_to_email_id: "e1",
      forward_email_id: "",
      attachments: [],
    });
    const whole = wholeHtml({ ...l, body: "<div>Yes</div><div></div><div>Bye</div>" });
    expect(whole.indexOf("Yes")).toBeLessThan(whole.indexOf("Mara"));
    expect(whole.indexOf("Mara")).toBeLessThan(whole.indexOf("On Monday"));
    expect(whole).toContain("<div>Yes</div><div><br></div><div>Bye</div>");
  });

  it("carries the signature of the address into a new message", () => {
    expect(fresh("m@l.example", "c", "<b>Mara</b>")).toMatchObject({
      signature: '<div class="gmail_signature"><b>Mara</b></div>',
      tail: "\n\n-- \nMara",
    });
    expect(fresh("m@l.example", "c", "").tail).toBe("");
  });
});

it("reads HTML as lines of text", () => {
  expect(textOf("<div>One</div>\n  <div>Two<br></div><div><br></div><div>Three</div>")).toBe("One\nTwo\n\nThree");
  expect(textOf("A<br>\nB")).toBe("A\nB");
});

describe("addresses", () => {
  it.each([
    ["a@b.example, Ann Lee <ann@b.example>; c@d.example", ["a@b.example", "Ann Lee <ann@b.example>", "c@d.example"]],
    ['"Lee, Ann" <ann@b.example>, b@c.example', ['"Lee, Ann" <ann@b.example>', "b@c.example"]],
    ["a@b.example c@d.example\ne@f.example", ["a@b.example", "c@d.example", "e@f.example"]],
    ["nobody", ["nobody"]],
    ["  ", []],
  ])("of %j", (text, found) => expect(addressesIn(text)).toEqual(found));

  it.each([
    ["a@b.example", true],
    ["Ann <a@b.example>", true],
    ["a@b", false],
    ["ann", false],
    ["a@b.example x", false],
  ])("%s is one: %s", (text, good) => expect(isAddress(text)).toBe(good));
});

describe("the request", () => {
  it("carries new files as data, and files of the draft by their ids", async () => {
    const l = letter({ draft: "d1", files: [{ ...file("a.txt"), id: "2" }, file("b.txt")] });
    const { attachments, draft_id } = await requestOf(l, read);
    expect(draft_id).toBe("d1");
    expect(attachments).toEqual([
      { id: "2", name: "a.txt" },
      { name: "b.txt", type: "text/plain", data: "data of b.txt" },
    ]);
  });

  it("of a forward names the files of the original that go along", async () => {
    const kept = { key: "original 7", id: "7", name: "plan.pdf", type: "application/pdf", size: 9 };
    const l = letter({ kind: "forward", forwards: "e1", files: [kept, file("b.txt")] });
    const request = await requestOf(l, read);
    expect(request.attachment_ids).toEqual(["7"]);
    expect(request.attachments).toEqual([{ name: "b.txt", type: "text/plain", data: "data of b.txt" }]);
    expect((await requestOf({ ...l, files: [] }, read)).attachment_ids).toEqual([]);
  });

  it("is plain text or HTML, never both", async () => {
    expect(
      await requestOf(letter({ plain: true, text: "Hi", tail: "\n\n-- \nM", body: "<b>x</b>" }), read),
    ).toMatchObject({
      text: "Hi\n\n-- \nM",
    });
    expect(await requestOf(letter({ body: "<b>x</b>" }), read)).toMatchObject({ html: "<b>x</b>" });
  });
});

describe("a saved draft", () => {
  it("keeps the files that it has by their ids, and what was added meanwhile as it is", () => {
    const saved = letter({
      files: [file("a.txt"), file("a.txt"), file("b.txt")].map((f, i) => ({ ...f, key: `${i}` })),
    });
    const now = { ...saved, files: [...saved.files.slice(1), file("new.txt")] };
    const after = settled(
      now,
      saved,
      draft([
        { id: "p1", name: "a.txt", type: "", size: 3 },
        { id: "p2", name: "a.txt", type: "", size: 3 },
        { id: "p3", name: "b.txt", type: "", size: 3 },
      ]),
    );
    expect(after.draft).toBe("d1");
    expect(after.files.map((f) => f.id)).toEqual(["p2", "p3", undefined]);
  });

  it("has nothing new while only its ids changed", () => {
    const l = letter({ files: [file("a.txt")] });
    expect(print(settled(l, l, draft([{ id: "p1", name: "a.txt", type: "", size: 3 }])))).toBe(print(l));
    expect(print({ ...l, subject: "x" })).not.toBe(print(l));
  });

  it("that is gone is written anew from what is at hand", () => {
    const l = letter({ draft: "d1", files: [{ ...file("a.txt"), id: "p1" }] });
    expect(unsaved(l)).toMatchObject({ draft: undefined, files: [{ name: "a.txt", id: undefined }] });
  });
});

it.each([
  [letter({ to: [] }), "Say who it goes to."],
  [letter({ to: ["ann"] }), "“ann” is no e-mail address."],
  [letter({ files: [file("big", 30e6)] }), /too large/],
  [letter(), undefined],
])("says why it cannot be sent", (l, why) => {
  if (why instanceof RegExp) expect(whyNotSendable(l)).toMatch(why);
  else expect(whyNotSendable(l)).toBe(why);
});

describe("times to send at", () => {
  const noon = new Date(2026, 2, 4, 12, 0); // a Wednesday
  it("are those that are still to come", () => {
    expect(times(noon).map((t) => [t.label, ahead(t.at, noon)])).toEqual([
      ["This evening", "today, 18:00"],
      ["Tomorrow morning", "tomorrow, 08:00"],
      ["Tomorrow afternoon", "tomorrow, 13:00"],
      ["Monday morning", "Mon 9 Mar, 08:00"],
    ]);
    expect(times(new Date(2026, 2, 8, 19, 0)).map((t) => t.label)).toEqual(["Tomorrow morning", "Tomorrow afternoon"]);
  });
  it("stand in a field in the reader's zone", () => expect(fieldValue(noon)).toBe("2026-03-04T12:00"));
});
