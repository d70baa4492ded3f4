import { fireEvent, screen, waitFor } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { live, renderPage } from "@/testing/render";
import { ConnectLinkPage } from "./ConnectLinkPage";
import { InvitePage } from "./InvitePage";

describe("an invitation", () => {
  const show = (token: string) => renderPage(<InvitePage />, { path: "/invite/$token", at: `/invite/${token}` });

  it("says who invites to what, and lets the person in", async () => {
    const world = live((w) => {
      w.signedIn = false;
    });
    const { router } = show("good");
    expect(await screen.findByRole("heading", { name: "Join Northwind Lamps" })).toBeDefined();
    expect(screen.getByText(/Mara Lindqvist invites you as a member/)).toBeDefined();
    expect((screen.getByLabelText("Your name") as HTMLInputElement).value).toBe("Selma Ruud");
    fireEvent.change(screen.getByLabelText("Password"), { target: { value: "correct horse battery" } });
    fireEvent.click(screen.getByRole("button", { name: "Join" }));
    await waitFor(() => expect(router.state.location.pathname).toBe("/crm/onboarding/connect"));
    expect(world.log).toEqual(["POST /invitations/good/accept"]);
  });

  it("that is used or over says so, with a way on", async () => {
    live();
    show("used");
    expect(await screen.findByRole("heading", { name: "This invitation is no longer good" })).toBeDefined();
    expect(screen.getByRole("link", { name: "Go to sign-in" })).toBeDefined();
  });
});

describe("a connect link", () => {
  const show = (at: string) => renderPage(<ConnectLinkPage />, { path: "/connect/$token", at });

  it("says who asks, for whom, for what, and has one button", async () => {
    live((w) => {
      w.signedIn = false;
    });
    show("/connect/good");
    const go = await screen.findByRole("link", { name: "Continue at Google" });
    expect(go.getAttribute("href")).toBe("/api/v1/connect-links/good/start");
    expect(screen.getByText("bettina.krause@northwind-lamps.example")).toBeDefined();
    expect(screen.getByRole("list", { name: "What is connected" }).textContent).toMatch(/Gmail.*Calendar/);
    expect(screen.getAllByRole("link")).toHaveLength(1);
  });

  it("says who is signed in when that is somebody else, and starts after they sign out", async () => {
    const world = live();
    show("/connect/others?google=wrong_user");
    expect(await screen.findByRole("heading", { name: "This link is for somebody else" })).toBeDefined();
    expect(screen.getByText("mara.lindqvist@northwind-lamps.example")).toBeDefined();
    expect(screen.getByText("bettina.krause@northwind-lamps.example")).toBeDefined();
    expect(screen.queryByRole("link")).toBeNull();
    fireEvent.click(screen.getByRole("button", { name: "Sign out and go on" }));
    expect(await screen.findByRole("link", { name: /at Google/ })).toBeDefined();
    expect(world.signedIn).toBe(false);
  });

  it("is done after the consent, though it can no longer be read", async () => {
    live();
    show("/connect/used?google=connected");
    expect(await screen.findByRole("heading", { name: "Your Google account is connected" })).toBeDefined();
  });

  it("can be tried again after a denial", async () => {
    live();
    show("/connect/good?google=denied");
    expect((await screen.findByRole("alert")).textContent).toContain("Google did not give permission");
    expect(screen.getByRole("link", { name: "Try again at Google" })).toBeDefined();
  });

  it("that is over says so", async () => {
    live();
    show("/connect/used");
    expect(await screen.findByRole("heading", { name: "This link is no longer good" })).toBeDefined();
  });
});
