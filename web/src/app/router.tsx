import type { QueryClient } from "@tanstack/react-query";
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
} from "@tanstack/react-router";
import { recordsSearch } from "@/lib/recordView";
import { Waiting } from "@/ui/kit";
import { Lost, NotFound } from "./fallbacks";
import { leaveSignedIn, requireSession } from "./guards";
import { activitiesSearch, connectOutcome, inboxSearch, loginSearch, paths, tasksSearch } from "./paths";
import { AdminShell, Shell } from "./shell";

const pages = {
  login: () => import("@/features/auth/LoginPage"),
  setup: () => import("@/features/auth/SetupPage"),
  home: () => import("@/features/home/HomePage"),
  inbox: () => import("@/features/inbox/InboxPage"),
  people: () => import("@/features/records/RecordsPage"),
  companies: () => import("@/features/records/RecordsPage"),
  deals: () => import("@/features/records/RecordsPage"),
  objects: () => import("@/features/records/RecordsPage"),
  record: () => import("@/features/records/RecordPage"),
  duplicates: () => import("@/features/records/DuplicatesPage"),
  suggestions: () => import("@/features/records/SuggestionsPage"),
  activities: () => import("@/features/activities/ActivitiesPage"),
  tasks: () => import("@/features/activities/TasksPage"),
  connect: () => import("@/features/onboarding/ConnectPage"),
  integrations: () => import("@/features/settings/IntegrationsPage"),
  emailAccounts: () => import("@/features/settings/EmailAccountsPage"),
  account: () => import("@/features/settings/AccountPage"),
  members: () => import("@/features/settings/MembersPage"),
  adminMembers: () => import("@/features/admin/MembersPage"),
  adminColleagues: () => import("@/features/admin/ColleaguesPage"),
  adminApproval: () => import("@/features/admin/ApprovalPage"),
  adminGoogle: () => import("@/features/admin/GooglePage"),
  adminConnections: () => import("@/features/admin/ConnectionsPage"),
  adminMail: () => import("@/features/admin/MailPage"),
  adminObjects: () => import("@/features/admin/ObjectsPage"),
  adminEnrichment: () => import("@/features/admin/EnrichmentPage"),
  adminSetupCheck: () => import("@/features/admin/SetupCheckPage"),
  adminKeys: () => import("@/features/admin/KeysPage"),
  adminTokens: () => import("@/features/admin/TokensPage"),
  adminWebhooks: () => import("@/features/admin/WebhooksPage"),
  adminAudit: () => import("@/features/admin/AuditPage"),
  invite: () => import("@/features/auth/InvitePage"),
  connectLink: () => import("@/features/auth/ConnectLinkPage"),
};

/** Begins to fetch the page of an address, while it is still being asked who is signed in. */
export function warm(path: string) {
  const page = (Object.keys(pages) as (keyof typeof pages)[]).find((name) => paths[name] === path);
  if (page) void pages[page]().catch(() => undefined);
}

const root = createRootRouteWithContext<{ client: QueryClient }>()({ component: Outlet });

const index = createRoute({
  getParentRoute: () => root,
  path: "/",
  beforeLoad: () => {
    throw redirect({ to: paths.home });
  },
});

const login = createRoute({
  getParentRoute: () => root,
  path: "/login",
  validateSearch: loginSearch,
  beforeLoad: ({ context, search }) => leaveSignedIn(context.client, search.next ?? paths.home),
  component: lazyRouteComponent(pages.login, "LoginPage"),
});

const setup = createRoute({
  getParentRoute: () => root,
  path: "/setup",
  beforeLoad: ({ context }) => leaveSignedIn(context.client, paths.home),
  component: lazyRouteComponent(pages.setup, "SetupPage"),
});

const crm = createRoute({
  getParentRoute: () => root,
  path: "/crm",
  beforeLoad: ({ context, location }) => requireSession(context.client, location.href),
  component: Shell,
});

const home = createRoute({
  getParentRoute: () => crm,
  path: "/",
  component: lazyRouteComponent(pages.home, "HomePage"),
});

const inbox = createRoute({
  getParentRoute: () => crm,
  path: "/inbox",
  validateSearch: inboxSearch,
  component: lazyRouteComponent(pages.inbox, "InboxPage"),
});

const people = createRoute({
  getParentRoute: () => crm,
  path: "/people",
  validateSearch: recordsSearch,
  component: lazyRouteComponent(pages.people, "PeoplePage"),
});

const companies = createRoute({
  getParentRoute: () => crm,
  path: "/companies",
  validateSearch: recordsSearch,
  component: lazyRouteComponent(pages.companies, "CompaniesPage"),
});

const deals = createRoute({
  getParentRoute: () => crm,
  path: "/deals",
  validateSearch: recordsSearch,
  component: lazyRouteComponent(pages.deals, "DealsPage"),
});

const objects = createRoute({
  getParentRoute: () => crm,
  path: "/objects/$type",
  validateSearch: recordsSearch,
  component: lazyRouteComponent(pages.objects, "ObjectPage"),
});

const record = createRoute({
  getParentRoute: () => crm,
  path: "/records/$record",
  component: lazyRouteComponent(pages.record, "RecordPage"),
});

const duplicates = createRoute({
  getParentRoute: () => crm,
  path: "/duplicates",
  component: lazyRouteComponent(pages.duplicates, "DuplicatesPage"),
});

const suggestions = createRoute({
  getParentRoute: () => crm,
  path: "/suggestions",
  component: lazyRouteComponent(pages.suggestions, "SuggestionsPage"),
});

const activities = createRoute({
  getParentRoute: () => crm,
  path: "/activities",
  validateSearch: activitiesSearch,
  component: lazyRouteComponent(pages.activities, "ActivitiesPage"),
});

const tasks = createRoute({
  getParentRoute: () => crm,
  path: "/tasks",
  validateSearch: tasksSearch,
  component: lazyRouteComponent(pages.tasks, "TasksPage"),
});

const connect = createRoute({
  getParentRoute: () => crm,
  path: "/onboarding/connect",
  validateSearch: connectOutcome,
  component: lazyRouteComponent(pages.connect, "ConnectPage"),
});

const settings = createRoute({
  getParentRoute: () => crm,
  path: "/settings",
  beforeLoad: () => {
    throw redirect({ to: paths.integrations });
  },
});

const integrations = createRoute({
  getParentRoute: () => crm,
  path: "/settings/integrations",
  validateSearch: connectOutcome,
  component: lazyRouteComponent(pages.integrations, "IntegrationsPage"),
});

const members = createRoute({
  getParentRoute: () => crm,
  path: "/settings/members",
  component: lazyRouteComponent(pages.members, "MembersPage"),
});

const emailAccounts = createRoute({
  getParentRoute: () => crm,
  path: "/settings/email-accounts",
  component: lazyRouteComponent(pages.emailAccounts, "EmailAccountsPage"),
});

const account = createRoute({
  getParentRoute: () => crm,
  path: "/settings/account",
  component: lazyRouteComponent(pages.account, "AccountPage"),
});

const admin = createRoute({
  getParentRoute: () => root,
  path: "/admin",
  beforeLoad: ({ context, location }) => requireSession(context.client, location.href),
  component: AdminShell,
});

const adminIndex = createRoute({
  getParentRoute: () => admin,
  path: "/",
  beforeLoad: () => {
    throw redirect({ to: paths.adminMembers, replace: true });
  },
});

const adminMembers = createRoute({
  getParentRoute: () => admin,
  path: "/members",
  component: lazyRouteComponent(pages.adminMembers, "MembersPage"),
});

const adminColleagues = createRoute({
  getParentRoute: () => admin,
  path: "/colleagues",
  component: lazyRouteComponent(pages.adminColleagues, "ColleaguesPage"),
});

const adminApproval = createRoute({
  getParentRoute: () => admin,
  path: "/approval",
  component: lazyRouteComponent(pages.adminApproval, "ApprovalPage"),
});

const adminGoogle = createRoute({
  getParentRoute: () => admin,
  path: "/google",
  component: lazyRouteComponent(pages.adminGoogle, "GooglePage"),
});

const adminConnections = createRoute({
  getParentRoute: () => admin,
  path: "/connections",
  component: lazyRouteComponent(pages.adminConnections, "ConnectionsPage"),
});

const adminMail = createRoute({
  getParentRoute: () => admin,
  path: "/mail",
  component: lazyRouteComponent(pages.adminMail, "MailPage"),
});

const adminObjects = createRoute({
  getParentRoute: () => admin,
  path: "/objects",
  component: lazyRouteComponent(pages.adminObjects, "ObjectsPage"),
});

const adminEnrichment = createRoute({
  getParentRoute: () => admin,
  path: "/enrichment",
  component: lazyRouteComponent(pages.adminEnrichment, "EnrichmentPage"),
});

const adminSetupCheck = createRoute({
  getParentRoute: () => admin,
  path: "/setup-check",
  component: lazyRouteComponent(pages.adminSetupCheck, "SetupCheckPage"),
});

const adminKeys = createRoute({
  getParentRoute: () => admin,
  path: "/api-keys",
  component: lazyRouteComponent(pages.adminKeys, "KeysPage"),
});

const adminTokens = createRoute({
  getParentRoute: () => admin,
  path: "/tokens",
  component: lazyRouteComponent(pages.adminTokens, "TokensPage"),
});

const adminWebhooks = createRoute({
  getParentRoute: () => admin,
  path: "/webhooks",
  component: lazyRouteComponent(pages.adminWebhooks, "WebhooksPage"),
});

const adminAudit = createRoute({
  getParentRoute: () => admin,
  path: "/audit",
  component: lazyRouteComponent(pages.adminAudit, "AuditPage"),
});

const invite = createRoute({
  getParentRoute: () => root,
  path: "/invite/$token",
  component: lazyRouteComponent(pages.invite, "InvitePage"),
});

const connectLink = createRoute({
  getParentRoute: () => root,
  path: "/connect/$token",
  validateSearch: connectOutcome,
  component: lazyRouteComponent(pages.connectLink, "ConnectLinkPage"),
});

const tree = root.addChildren([
  index,
  login,
  setup,
  invite,
  connectLink,
  crm.addChildren([
    home,
    inbox,
    people,
    companies,
    deals,
    objects,
    record,
    duplicates,
    suggestions,
    activities,
    tasks,
    connect,
    settings,
    integrations,
    emailAccounts,
    account,
    members,
  ]),
  admin.addChildren([
    adminIndex,
    adminMembers,
    adminColleagues,
    adminApproval,
    adminGoogle,
    adminConnections,
    adminMail,
    adminObjects,
    adminEnrichment,
    adminSetupCheck,
    adminKeys,
    adminTokens,
    adminWebhooks,
    adminAudit,
  ]),
]);

export function makeRouter(client: QueryClient) {
  return createRouter({
    routeTree: tree,
    context: { client },
    defaultPreload: "intent",
    defaultPendingMs: 300,
    defaultPendingComponent: () => <Waiting label="Loading the page" />,
    defaultErrorComponent: Lost,
    defaultNotFoundComponent: () => <NotFound />,
  });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof makeRouter>;
  }
}
