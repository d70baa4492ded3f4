/** The calls of the administration, of one's account and of the pages that strangers see. */
import * as api from "./generated/api";
import type {
  ApprovalChange,
  AuditQuery,
  ColleagueQuery,
  GoogleClientPatch,
  KeyState,
  NewGoogleClient,
  NewInvitation,
  NewKey,
  Role,
} from "./types";

type Stop = AbortSignal | undefined;

export const approvalApi = {
  get: (w: string, signal?: Stop) => api.getGoogleApproval(w, { signal }),
  change: (w: string, change: ApprovalChange) => api.decideGoogleApproval(w, change),
  ask: (w: string, note: string) => api.askGoogleApproval(w, { note }),
  dismiss: (w: string, user: string) => api.dismissGoogleApprovalRequest(w, user),
};

export const clientsApi = {
  list: (w: string, signal?: Stop) => api.listGoogleClients(w, { signal }),
  add: (w: string, client: NewGoogleClient) => api.addGoogleClient(w, client),
  change: (w: string, client: string, patch: GoogleClientPatch) => api.changeGoogleClient(w, client, patch),
  retire: (w: string, client: string) => api.retireGoogleClient(w, client),
};

export const invitationsApi = {
  open: (w: string, cursor?: string, signal?: Stop) => api.listInvitations(w, { open: true, cursor }, { signal }),
  create: (w: string, wish: NewInvitation) => api.createInvitation(w, wish),
  revoke: (w: string, invitation: string) => api.revokeInvitation(w, invitation),
  view: (token: string, signal?: Stop) => api.viewInvitation(encodeURIComponent(token), { signal }),
  accept: (token: string, body: { name: string; password: string }) =>
    api.acceptInvitation(encodeURIComponent(token), body),
};

export const peopleApi = {
  changeRole: (w: string, user: string, role: Role) => api.changeMember(w, user, { role }),
  /** `successor` gets their records and open tasks; without one they are nobody's. */
  remove: (w: string, user: string, successor?: string) => api.removeMember(w, user, { successor_id: successor }),
  directory: (w: string, query: ColleagueQuery, signal?: Stop) => api.listColleagues(w, query, { signal }),
  /** A page of the server that leads to Google and back to `back`: send the browser there. */
  directoryConnectUrl: (w: string, user: string, back: string) =>
    api.getAuthorizeUrl({ userId: user, service: "directory", redirect: back, workspace_id: w }),
  openLinks: (w: string, cursor?: string, signal?: Stop) => api.listConnectLinks(w, { open: true, cursor }, { signal }),
  createLinks: (w: string, people: { email: string; name: string }[], services: string[]) =>
    api.createConnectLinks(w, { people, services }),
  revokeLink: (w: string, link: string) => api.revokeConnectLink(w, link),
  linkView: (token: string, signal?: Stop) => api.viewConnectLink(encodeURIComponent(token), { signal }),
  /** A page of the server: send the browser there. */
  linkStartUrl: (token: string) => api.getStartConnectLinkUrl(encodeURIComponent(token)),
};

export const healthApi = {
  connections: (w: string, cursor?: string, signal?: Stop) =>
    api.listConnections(w, { cursor, limit: 100 }, { signal }),
  examine: (w: string) => api.examine(w),
};

export const keysApi = {
  list: (w: string, state: KeyState, cursor?: string, signal?: Stop) =>
    api.listApiKeys(w, { state, cursor }, { signal }),
  create: (w: string, wish: NewKey) => api.createApiKey(w, wish),
  revoke: (w: string, key: string) => api.revokeApiKey(w, key),
};

export const tokensApi = {
  list: (w: string, cursor?: string, signal?: Stop) => api.listServiceTokens(w, { cursor }, { signal }),
  revoke: (w: string, grant: string) => api.revokeServiceToken(w, grant),
  leases: (w: string, cursor?: string, signal?: Stop) => api.listLeases({ workspace_id: w, cursor }, { signal }),
  cut: (w: string, lease: string) => api.cutLease(lease, { workspace_id: w }),
};

export const auditApi = {
  list: (w: string, query: AuditQuery, signal?: Stop) => api.listAudit(w, query, { signal }),
};

export const accountApi = {
  rename: (name: string) => api.changeMe({ name }),
  sessions: (cursor?: string, signal?: Stop) => api.listSessions({ cursor }, { signal }),
  endSession: (session: string) => api.endSession(encodeURIComponent(session)),
  signOutEverywhere: () => api.signOutEverywhere({}),
  changePassword: (old_password: string, new_password: string) => api.changePassword({ old_password, new_password }),
};
