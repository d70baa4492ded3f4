import { fireEvent, screen, waitFor } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { live, renderPage } from "@/testing/render";
import { LoginPage } from "./LoginPage";
import { SetupPage } from "./SetupPage";

const fill = (label: string | RegExp, value: string) =>
  fireEvent.change(screen.getByLabelText(label), { target: { value } });

describe("signing in", () => {
  it("leads to the page that was asked for", async () => {
    const world = live((w) => {
      w.signedIn = false;
    });
    const { router } = renderPage(<LoginPage />, { path: "/login", at: "/login?next=/crm/inbox" });
    await screen.findByRole("button", { name: "Sign in" });
    fill("E-mail address", " mara@northwind-lamps.example ");
    fill("Password", "correct horse battery");
    fireEvent.click(screen.getByRole("button", { name: "Sign in" }));
    await waitFor(() => expect(router.state.location.pathname).toBe("/crm/inbox"));
    expect(world.log).toEqual(["POST /auth/login"]);
  });

  it("says what was wrong and waits in the password field", async () => {
    live((w) => {
      w.signedIn = false;
    });
    const { router } = renderPage(<LoginPage />, { path: "/login" });
    await screen.findByRole("button", { name: "Sign in" });
    fill("E-mail address", "mara@northwind-lamps.example");
    fill("Password", "wrong");
    fireEvent.click(screen.getByRole("button", { name: "Sign in" }));
    expect((await screen.findByRole("alert")).textContent).toContain("password is not right");
    expect(screen.getByRole("alert").textContent).not.toContain("req-7f3a");
    expect(document.activeElement).toBe(screen.getByLabelText("Password"));
    expect(router.state.location.pathname).toBe("/login");
  });

  it("offers Google, coming back to the same page", async () => {
    live();
    renderPage(<LoginPage />, { path: "/login", at: "/login?next=/crm/inbox" });
    const link = await screen.findByRole("link", { name: "Sign in with Google" });
    expect(link.getAttribute("href")).toBe("/api/v1/auth/google/login?return_to=%2Fcrm%2Finbox");
  });

  it("is set-up while nobody exists", async () => {
    live((w) => {
      w.setupNeeded = true;
    });
    const { router } = renderPage(<LoginPage />, { path: "/login" });
    await waitFor(() => expect(router.state.location.pathname).toBe("/setup"));
  });
});

describe("setting up", () => {
  it("makes the owner and goes on to connect Google", async () => {
    const world = live((w) => {
      w.setupNeeded = true;
      w.signedIn = false;
    });
    const { router } = renderPage(<SetupPage />, { path: "/setup" });
    await screen.findByRole("button", { name: "Create the workspace" });
    fill(/Name of the workspace/, "Northwind Lamps");
    fill("Your name", "Mara");
    fill("E-mail address", "mara@northwind-lamps.example");
    fill(/^Password/, "correct horse battery");
    fireEvent.click(screen.getByRole("button", { name: "Create the workspace" }));
    await waitFor(() => expect(router.state.location.pathname).toBe("/crm/onboarding/connect"));
    expect(world.log).toEqual(["POST /setup"]);
  });
});
