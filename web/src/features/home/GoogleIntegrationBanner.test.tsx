import { screen, waitFor } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { live, renderPage } from "@/testing/render";
import { notConnected, workspaceId } from "@/testing/sample";
import { GoogleIntegrationBanner } from "./GoogleIntegrationBanner";

const stream = { last_run_at: null, synced_at: null, next_run_at: null, error: "", next_step: "" };

describe("GoogleIntegrationBanner", () => {
  it("invites to connect", async () => {
    live((w) => {
      w.status = notConnected;
    });
    renderPage(<GoogleIntegrationBanner workspaceId={workspaceId} />);
    expect((await screen.findByRole("link", { name: "Connect Google" })).getAttribute("href")).toBe(
      "/crm/onboarding/connect",
    );
  });

  it("shows the import with counts and time left", async () => {
    live((w) => {
      w.status.streams = [
        {
          ...stream,
          stream: "gmail.backfill",
          state: "running",
          progress: { done: 640, total: 1200, eta_seconds: 112 },
        },
      ];
    });
    renderPage(<GoogleIntegrationBanner workspaceId={workspaceId} />);
    expect(await screen.findByText("640 of 1,200")).toBeDefined();
    expect(screen.getByText(/About 2 min left/)).toBeDefined();
    expect(screen.getByRole("progressbar").getAttribute("aria-valuenow")).toMatch(/^53/);
  });

  it("says what to do when Google ended the connection", async () => {
    live((w) => {
      w.status = { ...w.status, status: "needs_reauth", status_reason: "Access was removed." };
    });
    renderPage(<GoogleIntegrationBanner workspaceId={workspaceId} />);
    expect(await screen.findByRole("button", { name: "Reconnect" })).toBeDefined();
    expect(screen.getByText("Access was removed.")).toBeDefined();
  });

  it("is not there when all is well", async () => {
    live();
    const { client, container } = renderPage(<GoogleIntegrationBanner workspaceId={workspaceId} />);
    await waitFor(() => expect(client.isFetching()).toBe(0));
    expect(container.querySelector("section")).toBeNull();
  });
});
