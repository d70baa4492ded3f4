/** The API's shapes under the application's names. They are generated: see orval.config.ts. */
import type {
  APIKey,
  ApprovalPatch,
  ApprovalScopeProfile,
  ConnectionHealth,
  CreatedAPIKey,
  Email,
  EmailItem,
  ListApiKeysParams,
  ListAuditParams,
  ListColleaguesParams,
  ListEmailsParams,
  ListMembersParams,
  NewAPIKey,
  Session,
  Settings,
  SettingsPatch,
  SettingsVisibility,
  Status,
  StatusStatus,
  StreamStatus,
  WorkspaceRole,
} from "./generated/api";

export type {
  Approval,
  ApprovalRequest,
  ApprovalState,
  Attachment,
  AuditRow,
  Colleague,
  Completeness,
  Connect,
  ConnectionShort,
  ConnectLink,
  ConnectLinkView,
  CreatedConnectLink,
  CreatedInvitation,
  DoctorReport,
  Email,
  Failure,
  Finding,
  GoogleClient,
  GoogleClientPatch,
  Invitation,
  InvitationView,
  Label,
  Lease,
  Me,
  Member,
  MissingScope,
  NewGoogleClient,
  NewInvitation,
  NewMember,
  Preview,
  Run,
  ServiceToken,
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

/** A connection of a colleague, as an administrator sees it. */
export type AdminConnection = ConnectionHealth;
export type Key = APIKey;
export type CreatedKey = CreatedAPIKey;
export type NewKey = NewAPIKey;
export type SessionRow = Session;
export type ApprovalChange = ApprovalPatch;
export type ScopeProfile = ApprovalScopeProfile;
export type AuditQuery = ListAuditParams;
export type ColleagueQuery = ListColleaguesParams;
export type MemberQuery = ListMembersParams;
export type KeyState = NonNullable<ListApiKeysParams["state"]>;
