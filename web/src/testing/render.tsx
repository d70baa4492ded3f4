import { MantineProvider } from "@mantine/core";
import { Notifications } from "@mantine/notifications";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import {
  createMemoryHistory,
  createRootRoute,
  createRoute,
  createRouter,
  Outlet,
  RouterProvider,
} from "@tanstack/react-router";
import { render, renderHook } from "@testing-library/react";
import type { ReactNode } from "react";
import { ActionsProvider } from "@/actions/actions";
import { handlers, makeWorld, type World } from "./handlers";
import { server } from "./setup";

/** Puts a world of sample data behind the API for one test. */
export function live(change: (world: World) => void = () => undefined, mail = 40): World {
  const world = makeWorld({ mail });
  change(world);
  server.use(...handlers(world));
  return world;
}

export const testClient = () =>
  new QueryClient({
    defaultOptions: { queries: { retry: false, networkMode: "always" }, mutations: { networkMode: "always" } },
  });

/** Renders a component on a page of its own, at an address, with everything that pages have around them. */
export function renderPage(ui: ReactNode, options: { path?: string; at?: string; client?: QueryClient } = {}) {
  const client = options.client ?? testClient();
  const path = options.path ?? "/";
  const root = createRootRoute({ component: Outlet });
  const page = createRoute({ getParentRoute: () => root, path, component: () => <>{ui}</> });
  const other = createRoute({ getParentRoute: () => root, path: "$", component: () => <p>another page</p> });
  const router = createRouter({
    routeTree: root.addChildren(path === "/" ? [page, other] : [page, other]),
    history: createMemoryHistory({ initialEntries: [options.at ?? path] }),
  });
  const view = render(
    <MantineProvider env="test">
      <Notifications />
      <QueryClientProvider client={client}>
        <ActionsProvider>
          <RouterProvider router={router as never} />
        </ActionsProvider>
      </QueryClientProvider>
    </MantineProvider>,
  );
  return { ...view, router, client };
}

export function renderWithClient<T>(hook: () => T, client = testClient()) {
  const wrapper = ({ children }: { children: ReactNode }) => (
    <QueryClientProvider client={client}>{children}</QueryClientProvider>
  );
  return { ...renderHook(hook, { wrapper }), client };
}
