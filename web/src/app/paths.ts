/** The addresses of the pages. */
export const paths = {
  login: "/login",
  setup: "/setup",
  home: "/crm",
  inbox: "/crm/inbox",
  people: "/crm/people",
  companies: "/crm/companies",
  deals: "/crm/deals",
  objects: "/crm/objects/$type",
  record: "/crm/records/$record",
  activities: "/crm/activities",
  tasks: "/crm/tasks",
  duplicates: "/crm/duplicates",
  suggestions: "/crm/suggestions",
  connect: "/crm/onboarding/connect",
  integrations: "/crm/settings/integrations",
  emailAccounts: "/crm/settings/email-accounts",
  account: "/crm/settings/account",
  members: "/crm/settings/members",
  admin: "/admin",
  adminMembers: "/admin/members",
  adminColleagues: "/admin/colleagues",
  adminApproval: "/admin/approval",
  adminGoogle: "/admin/google",
  adminConnections: "/admin/connections",
  adminMail: "/admin/mail",
  adminObjects: "/admin/objects",
  adminEnrichment: "/admin/enrichment",
  adminSetupCheck: "/admin/setup-check",
  adminKeys: "/admin/api-keys",
  adminTokens: "/admin/tokens",
  adminWebhooks: "/admin/webhooks",
  adminAudit: "/admin/audit",
  invite: "/invite/$token",
  connectLink: "/connect/$token",
} as const;

/** The page of a table of records. */
export const tableOf = (type: string) =>
  type === "person"
    ? ({ to: paths.people } as const)
    : type === "company"
      ? ({ to: paths.companies } as const)
      : type === "deal"
        ? ({ to: paths.deals } as const)
        : ({ to: paths.objects, params: { type } } as const);

/** What the address of the inbox says about what is seen. */
export interface InboxSearch {
  q?: string;
  label?: string;
  unread?: boolean;
  files?: boolean;
  starred?: boolean;
  account?: string;
  /** Only mail of this record. */
  record?: string;
  /** The conversation that is open. */
  thread?: string;
  /** The connection whose conversation it is; without it, the reader's first. */
  box?: string;
  /** What is being written: "new", "to:<address>", or "<connection>/<draft>". */
  compose?: string;
}

const text = (value: unknown) => (value === undefined || value === null || value === "" ? undefined : String(value));
const flag = (value: unknown) => (value === true || value === "true" || value === 1 ? true : undefined);

export function inboxSearch(search: Record<string, unknown>): InboxSearch {
  return {
    q: text(search.q),
    label: text(search.label),
    unread: flag(search.unread),
    files: flag(search.files),
    starred: flag(search.starred),
    account: text(search.account),
    record: text(search.record),
    thread: text(search.thread),
    box: text(search.box),
    compose: text(search.compose),
  };
}

/** How the consent ended; the callback of the server adds it to the page's address. */
export interface ConnectOutcome {
  google?: string;
  reason?: string;
  /** The number to quote where the server failed. */
  reference?: string;
}

export const connectOutcome = (search: Record<string, unknown>): ConnectOutcome => ({
  google: text(search.google),
  reason: text(search.reason),
  reference: text(search.reference),
});

export interface LoginSearch {
  next?: string;
  error?: string;
}

/** Only a path of this application may follow signing in. */
export const loginSearch = (search: Record<string, unknown>): LoginSearch => {
  const next = text(search.next);
  return { next: next && /^\/(?![/\\])/.test(next) ? next : undefined, error: text(search.error) };
};

/** What the address of all activities says. */
export interface ActivitiesSearch {
  kind?: string;
  record_type?: string;
  user_id?: string;
}

export const activitiesSearch = (search: Record<string, unknown>): ActivitiesSearch => ({
  kind: text(search.kind),
  record_type: text(search.record_type),
  user_id: text(search.user_id),
});

/** Whose tasks, and which. Without a word: one's own that are open. */
export interface TasksSearch {
  all?: boolean;
  state?: "open" | "done" | "overdue";
}

export const tasksSearch = (search: Record<string, unknown>): TasksSearch => ({
  all: flag(search.all),
  state: search.state === "done" || search.state === "overdue" ? search.state : undefined,
});
