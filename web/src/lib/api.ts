/**
 * Every call of the API that the application makes, on top of the generated client.
 * All functions throw a `Problem` for an answer that is not a success.
 */
import * as api from "./generated/api";
import { call } from "./http";
import type {
  AnswerKind,
  EmailQuery,
  GoogleStatus,
  MemberQuery,
  NewChange,
  NewMember,
  NewShare,
  OutgoingState,
  SendEmail,
  Service,
  SettingsChange,
  SetupRequest,
} from "./types";

const viewerZone = () => Intl.DateTimeFormat().resolvedOptions().timeZone;

type Stop = AbortSignal | undefined;

export const sessionApi = {
  me: (signal?: Stop) => api.getMe({ signal }),
  signIn: (email: string, password: string) => api.login({ email, password }),
  signOut: () => api.logout(),
  setupState: (signal?: Stop) => api.getSetup({ signal }),
  setUp: (body: SetupRequest) => api.setup(body),
  /** A page of the server, not a call: send the browser there. */
  googleSignInUrl: (returnTo: string) => api.getGoogleLoginUrl({ return_to: returnTo }),
};

export const membersApi = {
  list: (workspace: string, query: MemberQuery, signal?: Stop) => api.listMembers(workspace, query, { signal }),
  add: (workspace: string, member: NewMember) => api.addMember(workspace, member),
};

export const googleIntegrationApi = {
  /** The consent page of Google for these services. */
  connect: (workspace: string, services: Service[], options: { connection_id?: string; return_to?: string } = {}) =>
    api.connectGoogle(workspace, { services: services.join(","), ...options }),
  status: (workspace: string, connection_id?: string, signal?: Stop): Promise<GoogleStatus> =>
    api.getGoogleStatus(workspace, { connection_id }, { signal }),
  changeSettings: (workspace: string, change: SettingsChange) => api.updateGoogleSettings(workspace, change),
  disconnect: (workspace: string, options: { delete_data: boolean; connection_id?: string }) =>
    api.disconnectGoogle(workspace, options),
  /** Starts a run or answers the one already going. `wait` such as "30s" answers when it is over. */
  sync: (workspace: string, { wait, ...body }: { wait?: string; full?: boolean; connection_id?: string } = {}) =>
    api.syncGmail(workspace, body, { wait }),
  runs: (workspace: string, connection_id?: string, signal?: Stop) =>
    api.listRuns(workspace, { connection_id, limit: 20 }, { signal }),
  failures: (workspace: string, connection_id?: string, signal?: Stop) =>
    api.listFailures(workspace, { connection_id, limit: 50 }, { signal }),
  retryFailure: (workspace: string, id: string) => api.retryFailure(workspace, id),
  verify: (workspace: string, { wait, ...body }: { wait?: string; connection_id?: string } = {}) =>
    api.verifyGoogle(workspace, body, { wait }),
  preview: (workspace: string, body: { labels: string[]; limit: number; connection_id?: string }) =>
    api.previewGoogle(workspace, body),

  /** Days in `before:` and `after:` begin where the reader is. */
  emails: (workspace: string, query: EmailQuery = {}, signal?: Stop) =>
    api.listEmails(workspace, query.q ? { time_zone: viewerZone(), ...query } : query, { signal }),
  email: (workspace: string, id: string, signal?: Stop) => api.getEmail(workspace, id, {}, { signal }),
  thread: (workspace: string, id: string, connection_id?: string, signal?: Stop) =>
    api.getThread(workspace, encodeURIComponent(id), { connection_id }, { signal }),
  labels: (workspace: string, connection_id?: string, signal?: Stop) =>
    api.listLabels(workspace, { connection_id }, { signal }),
  attachmentUrl: (workspace: string, email: string, attachment: string) =>
    api.getGetAttachmentUrl(workspace, email, encodeURIComponent(attachment)),
  /** Nothing is sent twice under one key, however often it is asked. */
  send: (workspace: string, message: SendEmail, idempotencyKey: string) =>
    api.sendEmail(workspace, message, keyed(idempotencyKey)),
  outbox: (workspace: string, state: OutgoingState, signal?: Stop) =>
    api.listOutbox(workspace, { state, limit: 100 }, { signal }),
  outgoing: (workspace: string, id: string, signal?: Stop) => api.getOutgoing(workspace, id, { signal }),
  cancelOutgoing: (workspace: string, id: string) => api.cancelOutgoing(workspace, id),
  retryOutgoing: (workspace: string, id: string) => api.retryOutgoing(workspace, id),
  reschedule: (workspace: string, id: string, send_at: string) => api.rescheduleOutgoing(workspace, id, { send_at }),
  sendAs: (workspace: string, connection_id?: string, signal?: Stop) =>
    api.listSendAs(workspace, { connection_id }, { signal }),
  compose: (workspace: string, email: string, kind: AnswerKind) =>
    api.composeAnswer(workspace, email, { kind, time_zone: viewerZone() }),
  drafts: (workspace: string, connection_id: string | undefined, cursor?: string, signal?: Stop) =>
    api.listDrafts(workspace, { connection_id, cursor, limit: 30 }, { signal }),
  draft: (workspace: string, id: string, connection_id?: string, signal?: Stop) =>
    api.getDraft(workspace, id, { connection_id }, { signal }),
  /** Makes a draft in Gmail, or replaces the one that the message names. */
  saveDraft: (workspace: string, message: SendEmail) =>
    message.draft_id ? api.updateDraft(workspace, message.draft_id, message) : api.createDraft(workspace, message),
  deleteDraft: (workspace: string, id: string, connection_id?: string) =>
    api.deleteDraft(workspace, id, { connection_id }),

  change: (workspace: string, change: NewChange, idempotencyKey: string) =>
    api.changeEmails(workspace, change, keyed(idempotencyKey)),
  undoChange: (workspace: string, id: string) => api.undoChange(workspace, id),
  createLabel: (workspace: string, name: string, connection_id?: string) =>
    api.createLabel(workspace, { name, connection_id }),

  shares: (workspace: string, connection_id: string, thread_id: string, signal?: Stop) =>
    api.listShares(workspace, { connection_id, thread_id }, { signal }),
  share: (workspace: string, share: NewShare) => api.shareMail(workspace, share),
  unshare: (workspace: string, id: string) => api.unshareMail(workspace, id),
  suggest: (workspace: string, q: string, signal?: Stop) => api.suggestSearch(workspace, { q, limit: 10 }, { signal }),

  linkToRecord: (workspace: string, id: string, record: { record_id: string }) =>
    post<unknown>(`${google(workspace)}/gmail/emails/${id}/link`, record),
};

const keyed = (key: string) => ({ headers: { "Idempotency-Key": key } });

/** The address of the workspace's stream of server-sent events. */
export const eventsUrl = (workspace: string) => api.getStreamEventsUrl(workspace);

// Linking has a fixed shape that servers of this version do not describe yet.
const google = (workspace: string) => `/api/v1/workspaces/${workspace}/integrations/google`;
const post = <T>(url: string, body: unknown) =>
  call<T>(url, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
