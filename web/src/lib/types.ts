/** The shapes of the API (`/openapi.json`). Times are RFC 3339 in UTC, ids are UUIDs. */

export type Role = "owner" | "admin" | "member";
export type Service = "gmail" | "calendar" | "contacts" | "directory" | "drive" | "meet" | "sheets";

export interface User {
  id: string;
  email: string;
  name: string;
}

export interface Workspace {
  id: string;
  name: string;
  role: Role;
}

export interface Me {
  user: User;
  workspaces: Workspace[];
}

export interface SetupState {
  needed: boolean;
  google_sign_in: boolean;
}

export interface Member {
  user_id: string;
  email: string;
  name: string;
  role: Role;
  connected: boolean;
  google_email?: string;
}

export type ConnectionState =
  | "none"
  | "connecting"
  | "active"
  | "degraded"
  | "needs_reauth"
  | "waiting_for_admin"
  | "paused"
  | "disconnected";

export type Visibility = "private" | "metadata" | "subject" | "full";

export interface ConnectionSettings {
  /** Gmail label ids that are imported; empty means all but spam and trash. */
  labels: string[];
  /** The newest N messages of a first import; 0 means all. */
  limit: number;
  poll_seconds: number;
  visibility: Visibility;
}

export interface SyncProgress {
  done: number;
  /** 0 when Gmail has not told yet. */
  total: number;
  eta_seconds?: number;
}

export interface Stream {
  stream: string;
  state: "idle" | "running" | "waiting" | "error" | "done";
  last_run_at?: string;
  next_run_at?: string;
  progress?: SyncProgress;
  error?: string;
  next_step?: string;
}

export interface Completeness {
  checked_at?: string;
  google_count: number;
  rapport_count: number;
  missing: number;
  extra: number;
  healed: number;
  state: string;
}

export interface MissingScope {
  scope: string;
  feature: string;
  description: string;
}

export interface GoogleStatus {
  is_connected: boolean;
  connection_id?: string;
  google_email?: string;
  google_name?: string;
  status: ConnectionState;
  status_reason?: string;
  next_step?: string;
  action_url?: string;
  granted_scopes: string[];
  missing_scopes: MissingScope[];
  gmail_sync_enabled: boolean;
  calendar_sync_enabled: boolean;
  contacts_sync_enabled: boolean;
  settings: ConnectionSettings;
  counts: { messages: number; unread: number; threads: number; failures: number };
  streams: Stream[];
  completeness?: Completeness;
  approval?: string;
  connections: { id: string; google_email: string; status: ConnectionState }[];
}

export interface EmailListItem {
  id: string;
  gmail_id: string;
  gmail_thread_id: string;
  subject: string;
  from_email: string;
  from_name: string;
  to_emails: string[];
  cc: string[];
  snippet: string;
  labels: string[];
  is_read: boolean;
  is_starred: boolean;
  gmail_date: string;
  has_attachments: boolean;
  thread_count: number;
  connection_id: string;
}

export interface Attachment {
  id: string;
  name: string;
  type: string;
  size: number;
  inline: boolean;
  /** Present on parts that the HTML names as `cid:…`. */
  content_id?: string;
}

export interface RecordLink {
  record_id: string;
  record_type: string;
  record_name: string;
  reason?: string;
}

export interface Email extends EmailListItem {
  body_text: string;
  body_html: string;
  bcc: string[];
  reply_to: string[];
  attachments: Attachment[];
  links: RecordLink[];
}

export interface Label {
  id: string;
  name: string;
  type: "system" | "user";
  color?: string;
  chosen: boolean;
  unread: number;
  total: number;
}

export interface Run {
  id: string;
  stream: string;
  state: string;
  started_at: string;
  finished_at?: string;
  counts: { added: number; updated: number; deleted: number; failed: number };
  error?: string;
}

export interface Failure {
  id: string;
  stream: string;
  item_id: string;
  subject?: string;
  reason: string;
  attempts: number;
  next_try_at?: string;
  parked: boolean;
}

export interface Preview {
  messages: number;
  estimated_seconds: number;
  units: number;
}

export interface Items<T> {
  items: T[];
  next_cursor?: string;
  total?: number;
}

export interface EmailQuery {
  q?: string;
  label?: string;
  is_unread?: boolean;
  connection_id?: string;
  record_id?: string;
  limit?: number;
  cursor?: string;
}

export interface SendEmail {
  to: string[];
  cc?: string[];
  bcc?: string[];
  subject: string;
  text?: string;
  html?: string;
  reply_to_email_id?: string;
  attachments?: { name: string; type: string; data: string }[];
  from?: string;
  send_at?: string;
}

export interface SettingsChange extends Partial<ConnectionSettings> {
  gmail_sync_enabled?: boolean;
  connection_id?: string;
}

/** One event of the live stream; `name` is the event's name. */
export interface LiveEvent {
  name: "mail.arrived" | "mail.changed" | "sync.progress" | "connection.changed";
  workspace_id: string;
  connection_id?: string;
  ids?: string[];
}
