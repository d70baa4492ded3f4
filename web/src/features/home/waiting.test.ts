import { expect, it } from "vitest";
import { account, makeMail } from "@/testing/sample";
import { waitingForReply } from "./waiting";

const [first] = makeMail(1, new Date("2026-03-12T10:00:00Z"));
if (!first) throw new Error("no sample");
const mail = {
  ...first,
  from_email: "priya@tallpine.example",
  to_emails: [account],
  labels: ["INBOX"],
  is_read: true,
  subject: "Final count",
};
const waits = (change: object) => waitingForReply([{ ...mail, ...change }], new Set([account])).length === 1;

it("is what a person wrote to the reader, read and not answered", () => expect(waits({})).toBe(true));
it.each<[string, object]>([
  ["unread mail", { is_read: false }],
  ["one's own mail", { from_email: account }],
  ["archived mail", { labels: [] }],
  ["mail to others", { to_emails: ["somebody@x.example"] }],
  ["a newsletter", { labels: ["INBOX", "CATEGORY_PROMOTIONS"] }],
  ["a machine", { from_email: "no-reply@parcelpost.example" }],
  ["an absence note", { subject: "Re: Automatic reply: Final count" }],
  ["an answer to an invitation", { subject: "Accepted: Price talk" }],
])("is not %s", (_name, change) => expect(waits(change)).toBe(false));
