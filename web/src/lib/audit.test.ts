import { expect, it } from "vitest";
import { auditAreas, auditSentence, byDay, sinceOf } from "./audit";
import type { AuditRow } from "./types";

const row = (more: Partial<AuditRow>): AuditRow => ({
  id: "a",
  at: "2026-03-12T10:00:00Z",
  user_id: "u1",
  user_name: "Mara",
  key_id: "",
  via: "session",
  action: "login",
  target: "",
  outcome: "ok",
  detail: "",
  remote: "",
  ...more,
});
const names = (id: string) => ({ u2: "Daniel" })[id];

it.each<[Partial<AuditRow>, string]>([
  [{ action: "login", detail: "google" }, "Mara signed in with Google"],
  [
    { action: "member.role", target: "u2", detail: "from member to admin" },
    "Mara changed the role of Daniel to administrator",
  ],
  [{ action: "member.remove", target: "u2", detail: "was admin" }, "Mara removed Daniel from the workspace"],
  [{ action: "member.remove", target: "u1", detail: "was member, left by themselves" }, "Mara left the workspace"],
  [{ action: "invitation.create", detail: "as admin" }, "Mara made an invitation as administrator"],
  [
    { action: "approval.decide", detail: "from approved to blocked; scope profile read" },
    "Mara blocked Google for this workspace",
  ],
  [{ action: "approval.decide", detail: "approved, as before" }, "Mara confirmed the approval of Google"],
  [{ action: "approval.decide", detail: "products gmail" }, "Mara changed what may be connected: products gmail"],
  [{ action: "token.vend", via: "api_key", detail: "gmail" }, "A key of Mara was given a Gmail token"],
  [
    { action: "token.vend", via: "api_key", detail: "drive", outcome: "denied" },
    "A key of Mara was refused a Drive token",
  ],
  [{ action: "token.refresh", via: "system", outcome: "failed" }, "Rapport, for Mara, could not renew a Google token"],
  [
    { action: "api_key.create", detail: "scopes mail:read tokens:vend:sheets" },
    "Mara made an API key that may: Read mail, Sheets tokens",
  ],
  [
    { action: "lease.use", outcome: "denied", detail: "DELETE /gmail/v1/users/me" },
    "Mara was refused a call through a lease: DELETE /gmail/v1/users/me",
  ],
  [
    { action: "login.failed", outcome: "denied", user_id: "", user_name: "" },
    "Somebody tried to sign in with a wrong password",
  ],
  [{ action: "login", user_name: "", user_id: "gone" }, "A former member signed in"],
  [{ action: "security.tokens_revoked", via: "system" }, "Rapport heard from Google that permissions were taken back"],
  [{ action: "google_client.add", outcome: "denied" }, "Mara added Google credentials — refused"],
  [{ action: "later.thing_done" }, "Mara later thing done"],
])("%j is said as a sentence", (more, sentence) => {
  const { who, text } = auditSentence(row(more), names);
  expect(`${who} ${text}`).toBe(sentence);
});

it("marks what was refused or failed, and nothing else", () => {
  expect(auditSentence(row({ outcome: "denied" })).note).toBe("Refused");
  expect(auditSentence(row({ outcome: "failed" })).note).toBe("Failed");
  expect(auditSentence(row({})).note).toBeUndefined();
});

it("puts rows under their day", () => {
  const now = new Date(2026, 2, 12, 10);
  const at = (days: number) => new Date(2026, 2, 12 - days, 9).toISOString();
  const days = byDay([row({ at: at(0) }), row({ at: at(0) }), row({ at: at(1) }), row({ at: at(4) })], now);
  expect(days.map((d) => [d.day, d.rows.length])).toEqual([
    ["Today", 2],
    ["Yesterday", 1],
    ["Sunday 8 March", 1],
  ]);
});

it("narrows by how long ago", () => {
  const now = new Date("2026-03-12T10:00:00Z");
  expect(sinceOf("7", now)).toBe("2026-03-05T10:00:00.000Z");
  expect(sinceOf("", now)).toBeUndefined();
  expect(new Set(auditAreas.map((a) => a.value)).size).toBe(auditAreas.length);
});
