import type { LinkProps } from "@tanstack/react-router";
import {
  Activity,
  AtSign,
  BadgeCheck,
  BadgeDollarSign,
  Blocks,
  Building2,
  CircleUser,
  Copy,
  History,
  Home,
  Inbox,
  KeyRound,
  KeySquare,
  MailX,
  Plug,
  ScrollText,
  ShieldCheck,
  Sparkles,
  SquareCheck,
  Stethoscope,
  Ticket,
  UserRound,
  UserRoundSearch,
  Users,
  Webhook,
} from "lucide-react";
import type { ComponentType } from "react";
import { paths } from "./paths";

/** A page that the navigation leads to. */
export interface Place {
  to: LinkProps["to"];
  label: string;
  icon: ComponentType<{ size?: number; strokeWidth?: number }>;
  keys?: string;
  exact?: boolean;
  /** Other words that find it in the palette. */
  words?: string;
  /** Of a type that the workspace made. */
  params?: { type: string };
}

export const main: Place[] = [
  { to: paths.home, label: "Home", icon: Home, keys: "g h", exact: true },
  { to: paths.inbox, label: "Inbox", icon: Inbox, keys: "g i" },
];
export const activity: Place[] = [
  { to: paths.activities, label: "Activities", icon: History, keys: "g v", words: "timeline history calls meetings" },
  { to: paths.tasks, label: "Tasks", icon: SquareCheck, keys: "g t", words: "to do due reminders" },
];
export const records: Place[] = [
  { to: paths.people, label: "People", icon: UserRound, keys: "g p", words: "persons contacts leads crm records" },
  {
    to: paths.companies,
    label: "Companies",
    icon: Building2,
    keys: "g c",
    words: "organisations accounts crm records",
  },
  { to: paths.deals, label: "Deals", icon: BadgeDollarSign, keys: "g d", words: "opportunities pipeline board crm" },
];
/** In the palette alone. */
export const tidying: Place[] = [
  { to: paths.duplicates, label: "Duplicates", icon: Copy, words: "merge double records" },
  { to: paths.suggestions, label: "Suggestions", icon: Sparkles, words: "enrichment signatures found details" },
];
export const settings: Place[] = [
  { to: paths.integrations, label: "Integrations", icon: Plug, keys: "g s" },
  { to: paths.emailAccounts, label: "E-mail accounts", icon: AtSign, words: "imap smtp mailbox provider" },
  { to: paths.account, label: "Account", icon: CircleUser, words: "password sessions devices sign out everywhere" },
  { to: paths.members, label: "Members", icon: Users, keys: "g m" },
];

/** The way into the administration; for owners and administrators. */
export const administration: Place = {
  to: paths.admin,
  label: "Administration",
  icon: ShieldCheck,
  keys: "g a",
  words: "admin console",
};

export interface PlaceGroup {
  title: string;
  places: Place[];
}

export const admin: PlaceGroup[] = [
  {
    title: "People",
    places: [
      { to: paths.adminMembers, label: "Members", icon: Users, words: "invite roles remove people" },
      {
        to: paths.adminColleagues,
        label: "Colleagues",
        icon: UserRoundSearch,
        words: "directory connect links not connected",
      },
    ],
  },
  {
    title: "Google",
    places: [
      {
        to: paths.adminApproval,
        label: "Approval",
        icon: BadgeCheck,
        words: "allow block domains scopes profile products requests",
      },
      {
        to: paths.adminGoogle,
        label: "Google credentials",
        icon: KeySquare,
        words: "oauth client id secret redirect uri",
      },
      {
        to: paths.adminConnections,
        label: "Connections",
        icon: Activity,
        words: "health attention reconnect accounts",
      },
      {
        to: paths.adminMail,
        label: "Mail",
        icon: MailX,
        words: "blocklist blocked protected retention internal colleagues domains",
      },
      { to: paths.adminSetupCheck, label: "Set-up check", icon: Stethoscope, words: "doctor diagnose fix" },
    ],
  },
  {
    title: "CRM",
    places: [
      { to: paths.adminObjects, label: "Object types", icon: Blocks, words: "custom objects fields records types" },
      {
        to: paths.adminEnrichment,
        label: "Enrichment",
        icon: Sparkles,
        words: "signatures model llm rules privacy details",
      },
    ],
  },
  {
    title: "Access",
    places: [
      { to: paths.adminKeys, label: "API keys", icon: KeyRound, words: "scopes revoke create" },
      { to: paths.adminTokens, label: "Tokens", icon: Ticket, words: "leases plugins vend revoke" },
      { to: paths.adminWebhooks, label: "Webhooks", icon: Webhook, words: "events endpoints deliveries signatures" },
    ],
  },
  {
    title: "Record",
    places: [{ to: paths.adminAudit, label: "Audit log", icon: ScrollText, words: "history who did what trail" }],
  },
];
