import type { QueryClient } from "@tanstack/react-query";
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
} from "@tanstack/react-router";
import { Waiting } from "@/ui/kit";
import { Lost, NotFound } from "./fallbacks";
import { requireSession } from "./guards";
import { connectOutcome, inboxSearch, loginSearch, paths } from "./paths";
import { Shell } from "./shell";

const pages = {
  login: () => import("@/features/auth/LoginPage"),
  setup: () => import("@/features/auth/SetupPage"),
  home: () => import("@/features/home/HomePage"),
  inbox: () => import("@/features/inbox/InboxPage"),
  connect: () => import("@/features/onboarding/ConnectPage"),
  integrations: () => import("@/features/settings/IntegrationsPage"),
  members: () => import("@/features/settings/MembersPage"),
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
  component: lazyRouteComponent(pages.login, "LoginPage"),
});

const setup = createRoute({
  getParentRoute: () => root,
  path: "/setup",
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

const tree = root.addChildren([
  index,
  login,
  setup,
  crm.addChildren([home, inbox, connect, settings, integrations, members]),
]);

export function makeRouter(client: QueryClient) {
  return createRouter({
    routeTree: tree,
    context: { client },
    defaultPreload: "intent",
    defaultPendingMs: 300,
    defaultPendingComponent: () => <Waiting label="Loading the page" />,
    defaultErrorComponent: Lost,
    defaultNotFoundComponent: NotFound,
  });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof makeRouter>;
  }
}
