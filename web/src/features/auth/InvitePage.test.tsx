import { screen } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { describe, expect, it } from "vitest";
import { live, renderPage } from "@/testing/render";
import { account } from "@/testing/sample";
import { server } from "@/testing/setup";
import { InvitePage } from "./InvitePage";

const invited = (has_account: boolean, signedIn = false, email = "selma.ruud@northwind-lamps.example") => {
  live((w) => {
    w.signedIn = signedIn;
  });
  server.use(
    http.get("*/api/v1/invitations/good", () =>
      HttpResponse.json({
        workspace_name: "Northwind Lamps",
        email,
        name: "Selma Ruud",
        role: "member",
        invited_by: "Mara Lindqvist",
        expires_at: new Date(Date.now() + 86_400_000).toISOString(),
        google_sign_in: false,
        has_account,
      }),
    ),
  );
  renderPage(<InvitePage />, { path: "/invite/$token", at: "/invite/good" });
};

describe("an invitation asks", () => {
  it("a new person to choose a password, with the rule under it", async () => {
    invited(false);
    expect((await screen.findByLabelText("Password")).getAttribute("autocomplete")).toBe("new-password");
    expect(screen.getByText("At least 10 characters.")).toBeDefined();
  });

  it("somebody with an account for the password they have, and nothing else", async () => {
    invited(true);
    expect((await screen.findByLabelText("Your password")).getAttribute("autocomplete")).toBe("current-password");
    expect(screen.queryByLabelText("Your name")).toBeNull();
    expect(screen.queryByText(/At least 10/)).toBeNull();
  });

  it("who is signed in with the account for nothing more", async () => {
    invited(true, true, account);
    expect(await screen.findByText(/You are signed in as/)).toBeDefined();
    expect(screen.queryByLabelText("Your password")).toBeNull();
    expect(screen.getByRole("button", { name: "Join" })).toBeDefined();
  });

  it("who is signed in with another account for the password", async () => {
    invited(true, true);
    expect(await screen.findByLabelText("Your password")).toBeDefined();
  });
});
