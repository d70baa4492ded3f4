/**
 * Every call of the API that the application makes, on top of the generated client.
 * All functions throw a `Problem` for an answer that is not a success.
 */
import * as api from "./generated/api";
import { call } from "./http";
import type {
  Email,
  EmailQuery,
  GoogleStatus,
  MemberQuery,
  NewMember,
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
  send: (workspace: string, message: SendEmail, idempotencyKey: string) =>
    post<Email>(`${google(workspace)}/gmail/send`, message, { "Idempotency-Key": idempotencyKey }),
  linkToRecord: (workspace: string, id: string, record: { record_id: string }) =>
    post<unknown>(`${google(workspace)}/gmail/emails/${id}/link`, record),
};

/** The address of the workspace's stream of server-sent events. */
export const eventsUrl = (workspace: string) => api.getStreamEventsUrl(workspace);

// Sending and linking have a fixed shape that servers of this version do not describe yet.
const google = (workspace: string) => `/api/v1/workspaces/${workspace}/integrations/google`;
const post = <T>(url: string, body: unknown, headers: Record<string, string> = {}) =>
  call<T>(url, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
