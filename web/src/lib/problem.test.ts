import { HttpResponse, http } from "msw";
import { describe, expect, it } from "vitest";
import { server } from "../testing/setup";
import { sessionApi } from "./api";
import { explain, Problem } from "./problem";

const me = "*/api/v1/me";

async function failure(): Promise<Problem> {
  try {
    await sessionApi.me();
  } catch (error) {
    if (error instanceof Problem) return error;
  }
  throw new Error("the call did not fail");
}

describe("answers that are no success", () => {
  it("carry the code, the text, the way out, and no number to quote where nothing broke", async () => {
    server.use(
      http.get(me, () =>
        HttpResponse.json(
          {
            title: "Forbidden",
            detail: "Not yours.",
            code: "access_denied",
            action_url: "/x",
            request_id: "r1",
            fields: { email: "is taken" },
          },
          { status: 403 },
        ),
      ),
    );
    const problem = await failure();
    expect(problem).toMatchObject({
      status: 403,
      code: "access_denied",
      actionUrl: "/x",
      fields: { email: "is taken" },
    });
    expect(explain(problem)).toEqual({ message: "Not yours." });
  });

  it("without a readable body still say something", async () => {
    server.use(http.get(me, () => new HttpResponse("<html>", { status: 502, headers: { "X-Request-Id": "r2" } })));
    expect(explain(await failure())).toEqual({ message: "The server answered 502", reference: "r2" });
  });

  it.each([
    ["2s", "2 seconds"],
    ["1m30s", "1 minute 30 seconds"],
    ["1h0m0s", "1 hour"],
    ["0s", "a moment"],
    ["2 minutes", "2 minutes"],
  ])("say in words how long to wait: %s", (duration, words) => {
    const problem = new Problem(429, { detail: `Too many attempts. Wait ${duration} and try again.` });
    expect(explain(problem).message).toBe(`Too many attempts. Wait ${words} and try again.`);
  });

  it("no answer at all is told from an error of the server", async () => {
    server.use(http.get(me, () => HttpResponse.error()));
    const problem = await failure();
    expect(problem.offline).toBe(true);
    expect(explain(problem).message).toContain("cannot be reached");
  });
});
