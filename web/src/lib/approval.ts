/** What an organisation can decide, in words. */
import table from "./profiles.json";
import type { Approval, ApprovalState, ScopeProfile } from "./types";

export const stateWords: Record<ApprovalState, { title: string; heading: string; text: string }> = {
  approved: {
    title: "Approved",
    heading: "Google is approved",
    text: "Members connect their Google account with one click.",
  },
  pending: {
    title: "Pending",
    heading: "Google waits for your approval",
    text: "Nobody can connect yet. Members are told to ask you, and what they ask appears here.",
  },
  blocked: {
    title: "Blocked",
    heading: "Google is blocked",
    text: "Nobody can connect, existing connections are paused, and no tokens are handed out.",
  },
};

/** What each service needs under each profile. The server decides; this shows the choice before it is saved. */
const needs: Record<ScopeProfile, Record<string, string[]>> = table;

/** The services a profile offers, in the order people know them by. */
const familiar = ["gmail", "calendar", "contacts", "directory", "drive", "meet", "sheets"];
export const products = (profile: ScopeProfile): string[] =>
  Object.keys(needs[profile]).sort((a, b) => familiar.indexOf(a) - familiar.indexOf(b));

/** The scopes that members can be asked for, each once. No products means all of the profile. */
export function scopesFor(profile: ScopeProfile, chosen: string[]): string[] {
  const of = chosen.length > 0 ? chosen : products(profile);
  return [...new Set(of.flatMap((p) => needs[profile][p] ?? []))];
}

export interface ProfileText {
  value: ScopeProfile;
  title: string;
  detail: string;
}

export const profiles: ProfileText[] = [
  {
    value: "metadata",
    title: "Headers only",
    detail: "Who wrote to whom, when, and the subject. Never the text of a message. Nothing can be changed or sent.",
  },
  {
    value: "read",
    title: "Read",
    detail: "Messages, files, events and contacts can be read and searched. Nothing at Google can be changed or sent.",
  },
  {
    value: "full",
    title: "Read and work",
    detail: "Answer mail, mark and archive it, keep meetings and contacts in step. Drive, Meet and Sheets for plugins.",
  },
];

export const serviceNames: Record<string, string> = {
  gmail: "Gmail",
  calendar: "Calendar",
  contacts: "Contacts",
  directory: "Directory",
  drive: "Drive",
  meet: "Meet",
  sheets: "Sheets",
};

export const serviceName = (service: string): string => serviceNames[service] ?? service;

export const productDetails: Record<string, string> = {
  gmail: "Mail in the inbox and on records",
  calendar: "Meetings in the calendar and on records",
  contacts: "People kept in step with Google Contacts",
  directory: "Administrators see who has not connected",
  drive: "Plugins that save and open files",
  meet: "Plugins that create video rooms",
  sheets: "Plugins that read and write spreadsheets",
};

export interface ApprovalDraft {
  allowed_domains: string[];
  scope_profile: ScopeProfile;
  products: string[];
}

export const draftOf = (a: Approval): ApprovalDraft => ({
  allowed_domains: a.allowed_domains,
  scope_profile: a.scope_profile,
  products: a.products.length > 0 ? a.products : products(a.scope_profile),
});

const same = (a: string[], b: string[]) => a.length === b.length && [...a].sort().join() === [...b].sort().join();

/** What of a draft differs from what is saved; undefined when nothing does. */
export function draftChange(draft: ApprovalDraft, saved: Approval): Partial<ApprovalDraft> | undefined {
  const now = draftOf(saved);
  const change: Partial<ApprovalDraft> = {};
  if (!same(draft.allowed_domains, now.allowed_domains)) change.allowed_domains = draft.allowed_domains;
  if (draft.scope_profile !== now.scope_profile) change.scope_profile = draft.scope_profile;
  const offered = products(draft.scope_profile);
  const chosen = draft.products.filter((p) => offered.includes(p));
  if (!same(chosen, now.products) || change.scope_profile) {
    // All of them is said by none, so that what a later version adds is included.
    change.products = chosen.length === offered.length ? [] : chosen;
  }
  return Object.keys(change).length > 0 ? change : undefined;
}

const order: ScopeProfile[] = ["metadata", "read", "full"];

/** What saving this means for those who are connected. */
export function changeMeans(change: Partial<ApprovalDraft>, saved: Approval): string[] {
  const out: string[] = [];
  if (change.scope_profile) {
    const wider = order.indexOf(change.scope_profile) > order.indexOf(saved.scope_profile);
    out.push(
      wider
        ? "Members who are connected keep what they have; the new permissions are asked for when they consent again."
        : "New consents ask for less. What members gave before stays at Google until they connect again.",
    );
  }
  if (change.allowed_domains && change.allowed_domains.length > 0) {
    out.push("Google accounts of other domains cannot be connected any more.");
    const more = change.allowed_domains.filter((d) => !saved.allowed_domains.includes(d));
    if (more.length > 0)
      out.push(`${more.join(", ")} counts as your own: mail among colleagues is left out (see Mail).`);
  }
  if (change.products && !change.scope_profile) out.push("Only what is ticked can be connected from now on.");
  return out;
}

/** A domain as people paste it: "@Example.com", "https://example.com/". Undefined when it is none. */
export function cleanDomain(text: string): string | undefined {
  const bare = text
    .trim()
    .toLowerCase()
    .replace(/^https?:\/\//, "")
    .replace(/^.*@/, "")
    .replace(/\/.*$/, "")
    .replace(/\.$/, "");
  return /^(?=.{3,253}$)([a-z0-9\u00a1-\uffff]([a-z0-9\u00a1-\uffff-]{0,61}[a-z0-9\u00a1-\uffff])?\.)+[a-z\u00a1-\uffff][a-z0-9\u00a1-\uffff-]+$/.test(
    bare,
  )
    ? bare
    : undefined;
}

/** "Security → API controls" as steps. */
export const steps = (path: string): string[] =>
  path
    .split(/\s*(?:→|>|›|,)\s*/)
    .map((s) => s.trim())
    .filter(Boolean);

/** The message for the person who administers Google, ready to send. */
export function adminMessage(a: Pick<Approval, "client" | "admin_console_path" | "scopes">, workspace: string): string {
  return [
    `Please allow the app Rapport for ${workspace} in Google's Admin console:`,
    steps(a.admin_console_path).join(" > "),
    "",
    `OAuth client id: ${a.client.google_client_id}`,
    "Scopes:",
    ...a.scopes.map((s) => `- ${s}`),
  ].join("\n");
}
