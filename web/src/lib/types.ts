/** The API's shapes under the application's names. They are generated: see orval.config.ts. */
import type {
  Email,
  EmailItem,
  ListEmailsParams,
  Settings,
  SettingsPatch,
  SettingsVisibility,
  Status,
  StatusStatus,
  StreamStatus,
  WorkspaceRole,
} from "./generated/api";

export type {
  Attachment,
  Completeness,
  Connect,
  ConnectionShort,
  Email,
  Failure,
  Label,
  Me,
  Member,
  MissingScope,
  NewMember,
  Preview,
  Run,
  SetupRequest,
  SetupState,
  User,
  Verification,
  Workspace,
} from "./generated/api";

export type GoogleStatus = Status;
export type ConnectionState = StatusStatus;
export type ConnectionSettings = Settings;
export type SettingsChange = SettingsPatch;
export type Visibility = SettingsVisibility;
export type Stream = StreamStatus;
export type SyncProgress = NonNullable<StreamStatus["progress"]>;
export type EmailListItem = EmailItem;
export type EmailQuery = ListEmailsParams;
export type Role = WorkspaceRole;

export type Service = "gmail" | "calendar" | "contacts";

/** A page of a list. */
export interface Page<T> {
  items: T[];
  next_cursor: string;
  total?: number;
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

export type SentEmail = Email;

export type {
  AdminConnection,
  Approval,
  ApprovalChange,
  ApprovalRequest,
  ApprovalState,
  AuditQuery,
  AuditRow,
  Colleague,
  ColleagueQuery,
  ConnectLink,
  ConnectLinkView,
  CreatedConnectLink,
  CreatedInvitation,
  CreatedKey,
  DoctorReport,
  Finding,
  GoogleClient,
  GoogleClientWish,
  Invitation,
  InvitationView,
  Key,
  Lease,
  NewInvitation,
  NewKey,
  ScopeProfile,
  ServiceToken,
  SessionRow,
} from "./accessTypes";
