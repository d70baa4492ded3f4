import { fireEvent, screen, waitFor } from "@testing-library/react";
import { Suspense } from "react";
import { beforeEach, describe, expect, it } from "vitest";
import { live, renderPage } from "@/testing/render";
import { account, notConnected } from "@/testing/sample";
import { ConnectPage } from "./ConnectPage";

const path = "/crm/onboarding/connect";
const show = (at = path) =>
  renderPage(
    <Suspense>
      <ConnectPage />
    </Suspense>,
    { path, at },
  );

beforeEach(() => sessionStorage.clear());

describe("connecting", () => {
  it("keeps what was chosen before the way to Google, and applies it on the way back", async () => {
    const world = live((w) => {
      w.status = notConnected;
    });
    const first = show();
    fireEvent.click(await screen.findByRole("radio", { name: "My colleagues too" }));
    fireEvent.click(screen.getByRole("button", { name: "Connect with Google" }));
    await waitFor(() => expect(sessionStorage.getItem("rapport.connect.wishes")).toContain("full"));
    first.unmount();

    const back = live();
    show(`${path}?google=connected`);
    expect(await screen.findByText("You are connected")).toBeDefined();
    await waitFor(() => expect(back.status.settings.visibility).toBe("full"));
    await waitFor(() => expect(sessionStorage.getItem("rapport.connect.wishes")).toBeNull());
    expect(world.log).toEqual([]);
  });

  it("changes nothing where nothing was chosen", async () => {
    const world = live();
    show(`${path}?google=connected`);
    expect(await screen.findByText(account)).toBeDefined();
    expect(world.log).toEqual([]);
  });

  it("names the three likely causes of a denial", async () => {
    live((w) => {
      w.status = notConnected;
    });
    show(`${path}?google=denied`);
    const alert = await screen.findByRole("alert");
    expect(alert.querySelectorAll("li")).toHaveLength(3);
  });

  it("shows the import and one click to repair when a box was left unticked", async () => {
    live((w) => {
      w.status = {
        ...w.status,
        status: "degraded",
        missing_scopes: [{ scope: "s", feature: "Send mail", description: "d" }],
      };
    });
    show(`${path}?google=degraded`);
    expect(await screen.findByText("You are connected")).toBeDefined();
    expect(screen.getByText(/Off for now: Send mail/)).toBeDefined();
    expect(screen.getByRole("button", { name: "Give the missing permission" })).toBeDefined();
  });

  it("does not claim an import when mail itself was not allowed", async () => {
    live((w) => {
      w.status = {
        ...w.status,
        status: "degraded",
        granted_scopes: ["openid"],
        counts: { ...w.status.counts, messages: 0 },
      };
    });
    show(`${path}?google=degraded`);
    expect(await screen.findByRole("button", { name: "Give the missing permission" })).toBeDefined();
    expect(screen.queryByText("You are connected")).toBeNull();
  });

  it("waits for the administrator instead of trying again", async () => {
    live((w) => {
      w.status = {
        ...notConnected,
        approval: "pending",
        status_reason: "Not approved yet.",
        next_step: "Ask your administrator.",
      };
    });
    show();
    expect(((await screen.findByRole("button", { name: "Connect with Google" })) as HTMLButtonElement).disabled).toBe(
      true,
    );
    expect(screen.getByText("Not approved yet. Ask your administrator.")).toBeDefined();
  });
});
