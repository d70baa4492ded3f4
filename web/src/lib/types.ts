/** The API's shapes under the application's names. They are generated: see orval.config.ts. */
import type {
  APIKey,
  ApprovalPatch,
  ApprovalScopeProfile,
  ComposeAnswerKind,
  ConnectionHealth,
  CreatedAPIKey,
  EmailItem,
  EmailItemAccess,
  ListApiKeysParams,
  ListAuditParams,
  ListColleaguesParams,
  ListEmailsParams,
  ListMembersParams,
  NewAPIKey,
  NewChangeAction,
  SendRequest,
  Session,
  Settings,
  SettingsPatch,
  SettingsVisibility,
  OutgoingState as StateOfOutgoing,
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
  Change,
  Colleague,
  Completeness,
  Composition,
  Connect,
  ConnectionShort,
  ConnectLink,
  ConnectLinkView,
  CreatedConnectLink,
  CreatedInvitation,
  DoctorReport,
  Draft,
  DraftAttachment,
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
  NewChange,
  NewGoogleClient,
  NewInvitation,
  NewMember,
  NewShare,
  Outgoing,
  Owner,
  Preview,
  Run,
  SendAs,
  ServiceToken,
  SetupRequest,
  SetupState,
  Share,
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

export type Service = "gmail" | "calendar" | "contacts" | "imap";

/** A page of a list. */
export interface Page<T> {
  items: T[];
  next_cursor: string;
  total?: number;
}

export type SendEmail = SendRequest;
export type OutgoingState = StateOfOutgoing;
export type AnswerKind = ComposeAnswerKind;
export type MailAction = NewChangeAction;
/** How much of a message the reader sees. */
export type Access = EmailItemAccess;

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
