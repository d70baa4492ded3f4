/** The calls of the administration, of accounts and of the pages that strangers see. */
import { call } from "./http";
import type {
  AdminConnection,
  Approval,
  ApprovalChange,
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
  GoogleClient,
  GoogleClientWish,
  Invitation,
  InvitationView,
  Key,
  Lease,
  Me,
  Member,
  NewInvitation,
  NewKey,
  Page,
  Role,
  ServiceToken,
  SessionRow,
} from "./types";

type Stop = AbortSignal | undefined;
type Params = object;

const root = "/api/v1";
const space = (w: string) => `${root}/workspaces/${encodeURIComponent(w)}`;
const id = encodeURIComponent;

function query(params: Params): string {
  const filled = Object.entries(params).filter(([, v]) => v !== undefined && v !== "" && v !== false);
  return filled.length > 0 ? `?${new URLSearchParams(filled.map(([k, v]) => [k, String(v)]))}` : "";
}

const get = <T>(url: string, signal?: Stop) => call<T>(url, { signal } as RequestInit);
const send = <T>(method: string, url: string, body?: unknown) =>
  call<T>(url, {
    method,
    headers: body === undefined ? undefined : { "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  } as RequestInit);

export const approvalApi = {
  get: (w: string, signal?: Stop) => get<Approval>(`${space(w)}/google-approval`, signal),
  change: (w: string, change: ApprovalChange) => send<Approval>("PATCH", `${space(w)}/google-approval`, change),
  ask: (w: string, note: string) => send<unknown>("POST", `${space(w)}/google-approval/request`, { note }),
  dismiss: (w: string, user: string) => send<void>("DELETE", `${space(w)}/google-approval/requests/${id(user)}`),
};

export const clientsApi = {
  list: (w: string, signal?: Stop) => get<Page<GoogleClient>>(`${space(w)}/google-clients`, signal),
  add: (w: string, wish: GoogleClientWish) => send<GoogleClient>("POST", `${space(w)}/google-clients`, wish),
  change: (w: string, client: string, wish: GoogleClientWish) =>
    send<GoogleClient>("PATCH", `${space(w)}/google-clients/${id(client)}`, wish),
  retire: (w: string, client: string) => send<void>("DELETE", `${space(w)}/google-clients/${id(client)}`),
};

export const invitationsApi = {
  list: (w: string, signal?: Stop) => get<Page<Invitation>>(`${space(w)}/invitations`, signal),
  create: (w: string, wish: NewInvitation) => send<CreatedInvitation>("POST", `${space(w)}/invitations`, wish),
  revoke: (w: string, invitation: string) => send<void>("DELETE", `${space(w)}/invitations/${id(invitation)}`),
  view: (token: string, signal?: Stop) => get<InvitationView>(`${root}/invitations/${id(token)}`, signal),
  accept: (token: string, body: { name: string; password: string }) =>
    send<Me>("POST", `${root}/invitations/${id(token)}/accept`, body),
};

export const peopleApi = {
  changeRole: (w: string, user: string, role: Role) =>
    send<Member>("PATCH", `${space(w)}/members/${id(user)}`, { role }),
  remove: (w: string, user: string) => send<void>("DELETE", `${space(w)}/members/${id(user)}`),
  directory: (w: string, q: ColleagueQuery, signal?: Stop) =>
    get<Page<Colleague>>(`${space(w)}/directory${query(q)}`, signal),
  links: (w: string, signal?: Stop) => get<Page<ConnectLink>>(`${space(w)}/connect-links`, signal),
  createLinks: (w: string, people: { email: string; name: string }[], services: string[]) =>
    send<Page<CreatedConnectLink>>("POST", `${space(w)}/connect-links`, { people, services }),
  revokeLink: (w: string, link: string) => send<void>("DELETE", `${space(w)}/connect-links/${id(link)}`),
  linkView: (token: string, signal?: Stop) => get<ConnectLinkView>(`${root}/connect-links/${id(token)}`, signal),
  /** A page of the server: send the browser there. */
  linkStartUrl: (token: string) => `${root}/connect-links/${id(token)}/start`,
};

export const healthApi = {
  connections: (w: string, cursor?: string, signal?: Stop) =>
    get<Page<AdminConnection>>(`${space(w)}/connections${query({ cursor, limit: 100 })}`, signal),
  examine: (w: string) => send<DoctorReport>("POST", `${space(w)}/doctor`),
};

export const keysApi = {
  list: (w: string, signal?: Stop) => get<Page<Key>>(`${space(w)}/api-keys`, signal),
  create: (w: string, wish: NewKey) => send<CreatedKey>("POST", `${space(w)}/api-keys`, wish),
  revoke: (w: string, key: string) => send<void>("DELETE", `${space(w)}/api-keys/${id(key)}`),
};

export const tokensApi = {
  list: (w: string, cursor?: string, signal?: Stop) =>
    get<Page<ServiceToken>>(`${space(w)}/tokens${query({ cursor })}`, signal),
  revoke: (w: string, grant: string) => send<{ message?: string }>("DELETE", `${space(w)}/tokens/${id(grant)}`),
  leases: (w: string, cursor?: string, signal?: Stop) =>
    get<Page<Lease>>(`${root}/tokens/leases${query({ workspace_id: w, cursor })}`, signal),
  cut: (w: string, lease: string) =>
    send<void>("DELETE", `${root}/tokens/leases/${id(lease)}${query({ workspace_id: w })}`),
};

export const auditApi = {
  list: (w: string, q: AuditQuery, signal?: Stop) => get<Page<AuditRow>>(`${space(w)}/audit${query(q)}`, signal),
};

export const accountApi = {
  sessions: (signal?: Stop) => get<Page<SessionRow>>(`${root}/me/sessions`, signal),
  endSession: (session: string) => send<void>("DELETE", `${root}/me/sessions/${id(session)}`),
  signOutEverywhere: () => send<void>("POST", `${root}/me/sign-out-everywhere`),
  changePassword: (old_password: string, new_password: string) =>
    send<void>("POST", `${root}/me/password`, { old_password, new_password }),
};
