import { fireEvent, screen, waitFor } from "@testing-library/react";
import { Suspense } from "react";
import { beforeEach, describe, expect, it } from "vitest";
import type { World } from "@/testing/handlers";
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
    fireEvent.click(await screen.findByRole("radio", { name: "Everything" }));
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
    expect(alert.textContent).toContain("tick the boxes and choose Continue");
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
        missing_scopes: [
          { scope: "https://www.googleapis.com/auth/gmail.readonly", feature: "Read mail", description: "d" },
        ],
        counts: { ...w.status.counts, messages: 0 },
      };
    });
    show(`${path}?google=degraded`);
    expect(await screen.findByRole("button", { name: "Give permission to read mail" })).toBeDefined();
    expect(screen.getByRole("alert").textContent).toContain("The inbox stays empty");
    expect(screen.queryByText("You are connected")).toBeNull();
    expect(screen.queryByText(/Everything else works/)).toBeNull();
    expect(screen.queryByRole("button", { name: "Connect with Google" })).toBeNull();
  });

  const member = (w: World) => {
    w.me.workspaces = w.me.workspaces.map((x) => ({ ...x, role: "member" }));
  };

  it("asks the administrator, with a note, instead of trying again", async () => {
    const world = live((w) => {
      member(w);
      w.organisation.approval.state = "pending";
      w.status = { ...notConnected, approval: "pending" };
    });
    show();
    fireEvent.change(await screen.findByLabelText("A note for them"), { target: { value: "For the fitters " } });
    expect(screen.queryByRole("button", { name: "Connect with Google" })).toBeNull();
    fireEvent.click(screen.getByRole("button", { name: "Ask my administrator" }));
    expect(await screen.findByRole("region", { name: "Your administrator has been asked" })).toBeDefined();
    expect(world.organisation.approval.my_request?.note).toBe("For the fitters");
    expect(screen.queryByRole("button", { name: "Ask my administrator" })).toBeNull();
  });

  it("leads an administrator to the approval", async () => {
    live((w) => {
      w.status = { ...notConnected, approval: "pending" };
    });
    show();
    const link = await screen.findByRole("link", { name: "Open the approval" });
    expect(link.getAttribute("href")).toBe("/admin/approval");
  });

  const bare = (w: World) => {
    w.status = notConnected;
    w.organisation.approval.client = { id: "", google_client_id: "", name: "", source: "none" };
  };

  it("tells an administrator before anything else that Google is not set up", async () => {
    live(bare);
    show();
    expect(await screen.findByRole("region", { name: "Google is not set up yet" })).toBeDefined();
    expect(screen.getByRole("link", { name: "Add Google credentials" }).getAttribute("href")).toBe("/admin/google");
    expect(screen.getByText("https://crm.northwind-lamps.example/oauth/callback")).toBeDefined();
    expect(screen.queryByRole("button", { name: "Connect with Google" })).toBeNull();
  });

  it("sends a member to an administrator where Google is not set up", async () => {
    live((w) => {
      member(w);
      bare(w);
    });
    show();
    expect(await screen.findByRole("region", { name: "An administrator has to set up Google first" })).toBeDefined();
    expect(screen.queryByRole("button", { name: "Connect with Google" })).toBeNull();
    expect(screen.queryByText("https://crm.northwind-lamps.example/oauth/callback")).toBeNull();
  });

  it("offers nothing to press where the workspace has blocked Google", async () => {
    live((w) => {
      member(w);
      w.status = { ...notConnected, approval: "blocked" };
    });
    show();
    expect(await screen.findByText("Google is blocked in this workspace")).toBeDefined();
    expect(screen.queryByRole("button", { name: /connect|ask/i })).toBeNull();
  });

  it("gives what Google's administrator needs, ready to send", async () => {
    live((w) => {
      w.status = {
        ...notConnected,
        status: "waiting_for_admin",
        status_reason: "Your organisation does not allow it.",
      };
    });
    show(`${path}?google=waiting_for_admin&reason=admin_policy_enforced`);
    expect(await screen.findByText("481516234200-lamps.apps.googleusercontent.com")).toBeDefined();
    expect(screen.getByRole("button", { name: "Copy a message for them" })).toBeDefined();
    expect(screen.getByText(/Your organisation does not allow it/)).toBeDefined();
  });

  it("says which accounts are taken before one is chosen", async () => {
    live((w) => {
      w.status = notConnected;
    });
    show();
    expect(await screen.findByText(/Choose an account of northwind-lamps\.example/)).toBeDefined();
  });

  it("says that an account of another domain was not taken", async () => {
    live((w) => {
      w.status = notConnected;
    });
    show(`${path}?google=domain_not_allowed`);
    expect(await screen.findByText("This Google account is of another domain")).toBeDefined();
    expect(screen.getByRole("button", { name: "Use another account" })).toBeDefined();
  });
});
