import { cleanup, configure } from "@testing-library/react";
import { setupServer } from "msw/node";
import { afterAll, afterEach, beforeAll } from "vitest";
import { forgetUndos } from "@/lib/undoing";
import { hushAll } from "@/ui/toast";

/** One server for all tests; a test adds the handlers of its own world with `server.use`. */
export const server = setupServer();

// A busy machine is slow, not wrong.
configure({ asyncUtilTimeout: 25_000 });

beforeAll(() => server.listen({ onUnhandledFrame: "error" }));
afterEach(() => {
  cleanup();
  hushAll(); // what is said and what Z takes back outlive what is drawn
  forgetUndos();
  server.resetHandlers();
});
afterAll(() => server.close());
