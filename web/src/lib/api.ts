/**
 * Every call of the API that the application makes. Nothing else in the application knows a path.
 * All functions throw a `Problem` for an answer that is not a success.
 */
import { address, call } from "./http";
import type {
  Completeness,
  Email,
  EmailListItem,
  EmailQuery,
  Failure,
  GoogleStatus,
  Items,
  Label,
  Me,
  Member,
  Preview,
  Role,
  Run,
  SendEmail,
  Service,
  SettingsChange,
  SetupState,
} from "./types";

export const sessionApi = {
  me: (signal?: AbortSignal) => call<Me>("/me", { signal }),
  signIn: (email: string, password: string) =>
    call<unknown>("/auth/login", { method: "POST", body: { email, password } }),
  signOut: () => call<unknown>("/auth/logout", { method: "POST" }),
  setupState: (signal?: AbortSignal) => call<SetupState>("/setup", { signal }),
  setUp: (body: { workspace_name: string; name: string; email: string; password: string }) =>
    call<unknown>("/setup", { method: "POST", body }),
  /** A page of the server, not a call: send the browser there. */
  googleSignInUrl: (redirect: string) => address("/auth/google/login", { redirect }),
};

export const membersApi = {
  list: (workspace: string, signal?: AbortSignal) => call<Items<Member>>(`/workspaces/${workspace}/members`, { signal }),
  add: (workspace: string, body: { email: string; name: string; role: Role; password?: string }) =>
    call<Member>(`/workspaces/${workspace}/members`, { method: "POST", body }),
};

const google = (workspace: string) => `/workspaces/${workspace}/integrations/google`;

export const googleIntegrationApi = {
  /** The consent page of Google for these services. */
  connect: (workspace: string, services: Service[], options: { connection_id?: string; return_to?: string } = {}) =>
    call<{ authorization_url: string }>(`${google(workspace)}/connect`, {
      query: { services: services.join(","), ...options },
    }),
  status: (workspace: string, connection?: string, signal?: AbortSignal) =>
    call<GoogleStatus>(`${google(workspace)}/status`, { query: { connection_id: connection }, signal }),
  changeSettings: (workspace: string, change: SettingsChange) =>
    call<GoogleStatus>(`${google(workspace)}/settings`, { method: "PATCH", body: change }),
  disconnect: (workspace: string, options: { delete_data: boolean; connection_id?: string }) =>
    call<unknown>(`${google(workspace)}/disconnect`, { method: "POST", body: options }),
  /** Starts a run or answers the one already going. `wait` such as "30s" answers when it is over. */
  sync: (workspace: string, options: { wait?: string; full?: boolean; connection_id?: string } = {}) =>
    call<Run>(`${google(workspace)}/gmail/sync`, { method: "POST", query: options }),
  runs: (workspace: string, connection?: string, signal?: AbortSignal) =>
    call<Items<Run>>(`${google(workspace)}/runs`, { query: { connection_id: connection, limit: 20 }, signal }),
  failures: (workspace: string, connection?: string, signal?: AbortSignal) =>
    call<Items<Failure>>(`${google(workspace)}/failures`, { query: { connection_id: connection }, signal }),
  retryFailure: (workspace: string, id: string) =>
    call<unknown>(`${google(workspace)}/failures/${id}/retry`, { method: "POST" }),
  verify: (workspace: string, options: { wait?: string; connection_id?: string } = {}) =>
    call<Completeness>(`${google(workspace)}/verify`, { method: "POST", query: options }),
  preview: (workspace: string, body: { labels: string[]; limit: number; connection_id?: string }) =>
    call<Preview>(`${google(workspace)}/preview`, { method: "POST", body }),

  emails: (workspace: string, query: EmailQuery = {}, signal?: AbortSignal) =>
    call<Items<EmailListItem>>(`${google(workspace)}/gmail/emails`, { query: { ...query }, signal }),
  email: (workspace: string, id: string, signal?: AbortSignal) =>
    call<Email>(`${google(workspace)}/gmail/emails/${id}`, { signal }),
  thread: (workspace: string, id: string, signal?: AbortSignal) =>
    call<Items<Email>>(`${google(workspace)}/gmail/threads/${encodeURIComponent(id)}`, { signal }),
  labels: (workspace: string, connection?: string, signal?: AbortSignal) =>
    call<Items<Label>>(`${google(workspace)}/gmail/labels`, { query: { connection_id: connection }, signal }),
  attachmentUrl: (workspace: string, email: string, attachment: string) =>
    address(`${google(workspace)}/gmail/emails/${email}/attachments/${encodeURIComponent(attachment)}`),
  send: (workspace: string, message: SendEmail, idempotencyKey: string) =>
    call<Email>(`${google(workspace)}/gmail/send`, { method: "POST", body: message, idempotencyKey }),
  linkToRecord: (workspace: string, id: string, record: { record_id: string }) =>
    call<unknown>(`${google(workspace)}/gmail/emails/${id}/link`, { method: "POST", body: record }),
};

/** The address of the workspace's stream of server-sent events. */
export const eventsUrl = (workspace: string) => address(`/workspaces/${workspace}/events`);
