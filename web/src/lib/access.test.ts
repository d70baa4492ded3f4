import { describe, expect, it } from "vitest";
import { brokenReport, wellReport } from "../testing/doctorSample";
import { deviceName, isPhone } from "./agents";
import { comingDate, left } from "./countdown";
import { fixOf, summary } from "./doctor";
import { expiryOf, keyScopeTitle, keyState, tryIt } from "./keyScopes";
import { repairServices } from "./scopes";

const now = new Date("2026-03-12T10:00:00Z");
const after = (s: number) => new Date(now.getTime() + s * 1000).toISOString();

describe("time that is left", () => {
  it.each([
    [40, "in 40 s"],
    [600, "in 10 min"],
    [5 * 3600, "in 5 h"],
    [2 * 86_400, "in 2 days"],
    [-5, "now"],
  ])("%d seconds are %s", (s, text) => expect(left(after(s), now)).toBe(text));

  it("names the day as people do", () => {
    const here = new Date(2026, 2, 12, 10);
    expect(comingDate(new Date(2026, 2, 12, 14, 5).toISOString(), here)).toBe("today 14:05");
    expect(comingDate(new Date(2026, 2, 13, 9).toISOString(), here)).toBe("tomorrow 09:00");
    expect(comingDate(new Date(2027, 0, 4, 9).toISOString(), here)).toBe(
      "Mon, 4 Jan 2027, 09:00".replace("Mon,", "Mon"),
    );
  });
});

describe("the set-up check", () => {
  const finding = (fix: string, action_url = "") => ({ fix, action_url });
  it.each([
    [
      "In Google Cloud add exactly: https://crm.example/oauth/callback",
      "In Google Cloud add exactly:",
      ["https://crm.example/oauth/callback"],
    ],
    [
      "Make the topic: gcloud pubsub topics create projects/p/topics/t",
      "Make the topic:",
      ["gcloud pubsub topics create projects/p/topics/t"],
    ],
    [
      "Let this machine keep its clock by NTP (timedatectl set-ntp true).",
      "Let this machine keep its clock by NTP (timedatectl set-ntp true).",
      ["timedatectl set-ntp true"],
    ],
    ["Lead the name here; start `rapport serve`.", "Lead the name here; start rapport serve.", ["rapport serve"]],
    ["Publish the app.", "Publish the app.", []],
  ])("what to carry out of %j", (fix, text, copies) => {
    expect(fixOf(finding(fix), "https://crm.example")).toEqual({ text, copies, go: "" });
  });

  it.each([
    ["https://crm.example/admin/google", "/admin/google"],
    ["http://localhost:8000/admin/connections", "/admin/connections"],
    ["/admin/approval", "/admin/approval"],
    ["https://console.cloud.google.com/apis/credentials", "https://console.cloud.google.com/apis/credentials"],
    ["javascript:alert(1)", ""],
    ["not an address", ""],
  ])("%s leads to %j", (url, go) => expect(fixOf(finding("x", url), "https://crm.example").go).toBe(go));

  it("is judged by its first broken link", () => {
    expect(summary(brokenReport)).toMatchObject({ state: "broken", title: "The first broken link: Redirect URI" });
    expect(summary(wellReport).state).toBe("ok");
    const warned = {
      ...wellReport,
      findings: wellReport.findings.map((f, i) => (i ? f : { ...f, state: "warning" as const })),
    };
    expect(summary(warned)).toMatchObject({ state: "warning", title: "It works, with one thing to look at" });
  });
});

describe("keys", () => {
  it("end when they were told to", () => {
    expect(expiryOf("30", now)).toBe("2026-04-11T10:00:00.000Z");
    expect(expiryOf("never", now)).toBeUndefined();
  });
  it.each([
    [{ revoked_at: null, expires_at: null }, "active"],
    [{ revoked_at: null, expires_at: "2026-03-12T09:59:59Z" }, "expired"],
    [{ revoked_at: "2026-01-01T00:00:00Z", expires_at: null }, "revoked"],
  ])("%j is %s", (key, state) => expect(keyState(key, now)).toBe(state));
  it.each([
    [["tokens:vend:drive"], "https://crm.example/api/token/USER/drive"],
    [["mail:read", "tokens:vend:*"], "https://crm.example/api/token/USER/gmail"],
    [["mail:read"], "https://crm.example/api/v1/me"],
  ])("with %j can be tried at %s", (scopes, url) => expect(tryIt(scopes, "https://crm.example")).toContain(url));
  it.each([
    ["mail:read", "Read mail"],
    ["tokens:vend:gmail", "Gmail tokens"],
    ["tokens:vend:tasks", "tasks tokens"],
    ["tokens:vend:*", "Tokens of every service"],
    ["*", "Everything the member may"],
    ["later:scope", "later:scope"],
  ])("%s reads %s", (scope, text) => expect(keyScopeTitle(scope)).toBe(text));
});

it.each([
  [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Safari/537.36 Edg/142.0",
    "Edge on Windows",
  ],
  [
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Safari/605.1.15",
    "Safari on Mac",
  ],
  ["Mozilla/5.0 (Android 16; Mobile; rv:145.0) Gecko/145.0 Firefox/145.0", "Firefox on Android"],
  ["Go-http-client/1.1", "Go-http-client"],
  ["", "Unknown browser"],
])("%s is %s", (agent, name) => expect(deviceName(agent)).toBe(name));

it("knows a phone", () => expect(isPhone("Mozilla/5.0 (iPhone; CPU iPhone OS 19_0)")).toBe(true));

it("repairs with the services of what is missing, each once", () => {
  const scope = (s: string) => ({ scope: `https://www.googleapis.com/auth/${s}` });
  expect(repairServices([scope("gmail.send"), scope("gmail.modify"), scope("calendar.events")])).toEqual([
    "gmail",
    "calendar",
  ]);
  expect(repairServices([])).toEqual(["gmail"]);
});
