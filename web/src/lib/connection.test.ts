import { describe, expect, it } from "vitest";
import { makeMail, makeStatus, notConnected } from "../testing/sample";
import { canReadMail, headersOnly, importProgress, lastSync, progressSentence, readConnection } from "./connection";
import type { GoogleStatus } from "./types";

const now = new Date("2026-03-12T10:00:00Z");
const active = makeStatus(makeMail(20, now), now);
const missing = [{ scope: "s", feature: "Gmail", description: "Read mail" }];
const stream = {
  stream: "gmail.backfill",
  last_run_at: null,
  synced_at: null,
  next_run_at: null,
  error: "",
  next_step: "",
};

describe("reading the state of a connection", () => {
  it.each<[string, Partial<GoogleStatus>, string, string | undefined]>([
    ["active", {}, "ok", undefined],
    ["none", { ...notConnected }, "off", "connect"],
    ["disconnected", { status: "disconnected", is_connected: false }, "off", "connect"],
    ["not approved", { ...notConnected, approval: "pending" }, "warn", "ask"],
    ["blocked", { ...notConnected, approval: "blocked" }, "bad", "blocked"],
    ["paused by a block", { status: "waiting_for_admin", approval: "blocked", is_connected: false }, "bad", "blocked"],
    ["connected before the approval was taken back", { approval: "pending" }, "ok", undefined],
    ["needs_reauth", { status: "needs_reauth", is_connected: false }, "bad", "reconnect"],
    ["waiting_for_admin", { status: "waiting_for_admin", is_connected: false }, "warn", "wait"],
    ["degraded", { status: "degraded", missing_scopes: missing }, "warn", "repair"],
    ["paused", { status: "paused" }, "off", "resume"],
    ["Gmail off", { gmail_sync_enabled: false }, "off", "resume"],
    ["connecting", { status: "connecting", streams: [] }, "busy", undefined],
    ["a stream failed", { streams: [{ ...stream, state: "error", error: "Google did not answer" }] }, "bad", "review"],
  ])("%s", (_name, change, tone, action) => {
    const reading = readConnection({ ...active, ...change });
    expect(reading.tone).toBe(tone);
    expect(reading.action).toBe(action);
    expect(reading.title).not.toBe("");
  });

  it("names what is off when permissions are missing", () => {
    expect(readConnection({ ...active, status: "degraded", missing_scopes: missing }).detail).toBe(
      "Off for now: Gmail.",
    );
  });

  it("says trouble before progress", () => {
    const running = { ...stream, state: "running" as const, progress: { done: 1, total: 9, eta_seconds: 0 } };
    expect(readConnection({ ...active, status: "needs_reauth", streams: [running] }).tone).toBe("bad");
  });
});

it("says progress with counts and time left, or without what is not known", () => {
  expect(progressSentence({ done: 640, total: 1200, eta_seconds: 112 })).toBe(
    "640 of 1,200 messages, about 2 min left",
  );
  expect(progressSentence({ done: 1, total: 0, eta_seconds: 0 })).toBe("1 message so far");
});

it("takes progress from the import only while it runs", () => {
  const progress = { done: 1, total: 9, eta_seconds: 0 };
  expect(importProgress({ ...active, streams: [{ ...stream, state: "running", progress }] })).toEqual(progress);
  expect(importProgress({ ...active, streams: [{ ...stream, state: "done", progress }] })).toBeUndefined();
  expect(importProgress(undefined)).toBeUndefined();
});

it("knows the last look at the mailbox over all streams", () => {
  expect(lastSync(active)).toBe("2026-03-12T09:59:48.000Z");
  expect(lastSync(notConnected)).toBeUndefined();
});

it.each([
  [["https://www.googleapis.com/auth/gmail.readonly"], true],
  [["https://mail.google.com/"], true],
  [["https://www.googleapis.com/auth/gmail.send", "openid"], false],
])("with %s mail can be read: %s", (granted_scopes, can) => {
  expect(canReadMail({ ...active, granted_scopes })).toBe(can);
});

it.each([
  [["https://www.googleapis.com/auth/gmail.metadata"], true],
  [["https://www.googleapis.com/auth/gmail.metadata", "https://mail.google.com/"], false],
  [["https://www.googleapis.com/auth/gmail.readonly"], false],
  [["openid"], false],
])("with %s only headers come: %s", (granted_scopes, only) => {
  expect(headersOnly({ ...active, granted_scopes })).toBe(only);
});
