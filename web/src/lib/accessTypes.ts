/** Shapes of approval, members, keys, tokens and the set-up check. */
import type { ConnectionState, Role } from "./types";

export type ApprovalState = "pending" | "approved" | "blocked";
export type ScopeProfile = "metadata" | "read" | "full";

export interface ApprovalRequest {
  user_id: string;
  name: string;
  email: string;
  note: string;
  asked_at: string;
}

export interface Approval {
  state: ApprovalState;
  /** Empty: every domain. */
  allowed_domains: string[];
  scope_profile: ScopeProfile;
  /** Empty: all that the profile offers. */
  products: string[];
  decided_by: string;
  decided_at: string | null;
  client: { id: string; google_client_id: string; name: string; source: "page" | "environment" | "none" };
  scopes: string[];
  redirect_uris: string[];
  javascript_origins: string[];
  admin_console_url: string;
  admin_console_path: string;
  my_request?: ApprovalRequest | null;
  requests: ApprovalRequest[];
  testing: { detected: boolean; countdown: string | null; evidence: string };
}

export interface ApprovalChange {
  state?: ApprovalState;
  allowed_domains?: string[];
  scope_profile?: ScopeProfile;
  products?: string[];
}

/** Credentials of Google, entered on the page. The secret is never given back. */
export interface GoogleClient {
  id: string;
  name: string;
  google_client_id: string;
  /** Serves every workspace of this installation. */
  installation: boolean;
  source: "page" | "environment";
  /** New connections are made with it. */
  current: boolean;
  /** Connections and tokens that were made with it. */
  grants: number;
  created_at: string | null;
  updated_at: string | null;
  retired_at: string | null;
}

export interface GoogleClientWish {
  name?: string;
  google_client_id?: string;
  client_secret?: string;
  installation?: boolean;
}

export interface AdminConnection {
  id: string;
  user_id: string;
  user_name: string;
  user_email: string;
  google_email: string;
  status: Exclude<ConnectionState, "none">;
  status_reason: string;
  granted_scopes: string[];
  missing_scopes: { scope: string; feature: string; description: string }[];
  last_sync_at: string | null;
  /** When Google ends the permission by itself, as for an app in testing. */
  refresh_expires_at: string | null;
  created_at: string;
}

export interface Finding {
  id: string;
  name: string;
  state: "ok" | "warning" | "broken" | "skipped";
  text: string;
  fix: string;
  action_url: string;
}

export interface DoctorReport {
  findings: Finding[];
  /** The id of the first broken link of the chain, empty when there is none. */
  broken: string;
}

/** Somebody in the organisation's directory at Google. */
export interface Colleague {
  id: string;
  email: string;
  name: string;
  photo_url: string;
  org_unit: string;
  suspended: boolean;
  archived: boolean;
  admin: boolean;
  no_mailbox: boolean;
  user_id: string;
  role: string;
  connected: boolean;
  status: string;
  link_sent_at: string | null;
}

export interface ColleagueQuery {
  q?: string;
  cursor?: string;
  limit?: number;
  not_connected?: boolean;
}

export interface ConnectLink {
  id: string;
  user_id: string;
  email: string;
  name: string;
  services: string[];
  created_at: string;
  expires_at: string;
  used_at: string | null;
  revoked_at: string | null;
}

/** The address is given once. */
export interface CreatedConnectLink extends ConnectLink {
  url: string;
}

/** What somebody without an account sees of a connect link. */
export interface ConnectLinkView {
  workspace_name: string;
  email: string;
  services: string[];
  expires_at: string;
  invited_by?: string;
}

export interface NewInvitation {
  email: string;
  name?: string;
  role: Role;
}

export interface Invitation {
  id: string;
  email: string;
  name: string;
  role: Role;
  invited_by: string;
  created_at: string;
  expires_at: string;
  accepted_at: string | null;
  revoked_at: string | null;
}

export interface CreatedInvitation extends Invitation {
  url: string;
}

export interface InvitationView {
  workspace_name: string;
  email: string;
  name: string;
  role: Role;
  invited_by: string;
  expires_at: string;
  google_sign_in: boolean;
}

export interface SessionRow {
  id: string;
  created_at: string;
  last_seen_at: string;
  remote: string;
  user_agent: string;
  current: boolean;
}

export interface Key {
  id: string;
  name: string;
  prefix: string;
  scopes: string[];
  user_id: string;
  created_at: string;
  expires_at: string | null;
  last_used_at: string | null;
  revoked_at: string | null;
}

export interface CreatedKey extends Key {
  key: string;
}

export interface NewKey {
  name: string;
  scopes: string[];
  expires_at?: string;
}

/** One authorised user of the token service, for one service. */
export interface ServiceToken {
  id: string;
  user_id: string;
  service: string;
  google_email: string;
  status: string;
  expires_at: string | null;
  last_used_at: string | null;
  has_refresh_token: boolean;
  created_at: string;
}

/** A short-lived, narrowed way to Google's APIs, without the token itself. */
export interface Lease {
  id: string;
  name: string;
  user_id: string;
  service: string;
  methods: string[];
  paths: string[];
  per_minute: number;
  max_calls: number;
  calls: number;
  refused: number;
  created_at: string;
  expires_at: string;
  last_used_at: string | null;
  cut_at: string | null;
}

export interface AuditRow {
  id: string;
  at: string;
  user_id: string;
  user_name: string;
  key_id: string;
  via: string;
  action: string;
  target: string;
  outcome: string;
  detail: string;
  remote: string;
}

export interface AuditQuery {
  user_id?: string;
  action?: string;
  since?: string;
  until?: string;
  cursor?: string;
  limit?: number;
}
