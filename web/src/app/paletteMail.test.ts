import { expect, it } from "vitest";
import { makeMail } from "@/testing/sample";
import { sorted, whyOf } from "./paletteMail";

const [first, second] = makeMail(20, new Date("2026-03-12T10:00:00Z"));
if (!first || !second) throw new Error("no sample");
const mail = (id: string, change: object) => ({ ...first, id, gmail_thread_id: id, ...change });

it("puts people and subjects before texts, and the newest first", () => {
  const text = mail("text", { subject: "Minutes", from_name: "Noah", gmail_date: "2026-03-12T09:00:00Z" });
  const subject = mail("subject", { subject: "Brass finish", from_name: "Noah", gmail_date: "2026-03-01T09:00:00Z" });
  const later = mail("later", { subject: "Re: brass", from_name: "Noah", gmail_date: "2026-03-02T09:00:00Z" });
  const sender = mail("sender", { subject: "Hello", from_name: "Brass Works", from_email: "hello@b.example" });
  const found = sorted([text, subject, later, sender], ["brass"]);
  expect(found.mail.map((m) => m.id)).toEqual(["sender", "later", "subject"]);
  expect(found.texts.map((m) => m.id)).toEqual(["text"]);
  expect(found.people).toEqual([{ name: "Brass Works", email: "hello@b.example" }]);
});

it("says where the words stand", () => {
  const found = mail("m", {
    snippet: "Hello Mara",
    body_text: "Hello Mara, the brass arrived.",
    cc: ["brass@b.example"],
  });
  expect(whyOf(found, found, ["arrived"])).toBe("Hello Mara, the brass arrived.");
  expect(whyOf(found, undefined, ["brass"])).toBe("To brass@b.example");
  expect(
    whyOf(found, { ...found, attachments: [{ id: "a", name: "plan.pdf", type: "", size: 1, inline: false }] }, [
      "plan",
    ]),
  ).toBe("plan.pdf");
  expect(whyOf(found, found, ["zebra"])).toBeUndefined();
});

it("shows a conversation once, by the message that shows why", () => {
  const hit = mail("hit", { gmail_thread_id: "t", subject: "Brass finish", gmail_date: "2026-03-01T09:00:00Z" });
  const other = mail("other", { gmail_thread_id: "t", subject: "Something else", gmail_date: "2026-03-02T09:00:00Z" });
  expect(sorted([other, hit], ["brass"])).toMatchObject({ mail: [{ id: "hit" }], texts: [] });
});
