import { isRedirect } from "@tanstack/react-router";
import { describe, expect, it } from "vitest";
import { live, testClient } from "@/testing/render";
import { leaveSignedIn } from "./guards";

const outcome = (to: string) => leaveSignedIn(testClient(), to).catch((thrown: unknown) => thrown);

describe("signing in and the first run", () => {
  it("send on who is signed in", async () => {
    live();
    const thrown = await outcome("/crm/inbox");
    expect(isRedirect(thrown) && thrown.options.href).toBe("/crm/inbox");
  });

  it("stay for everybody else", async () => {
    live((w) => {
      w.signedIn = false;
    });
    expect(await outcome("/crm")).toBeUndefined();
  });
});
