import { fireEvent, screen, waitFor, within } from "@testing-library/react";
import { Suspense } from "react";
import { describe, expect, it } from "vitest";
import { live, renderPage } from "@/testing/render";
import { guess, isGmail } from "./EmailAccountDialog";
import { EmailAccountsPage } from "./EmailAccountsPage";
import { delay } from "./NewsSection";

const path = "/crm/settings/email-accounts";
const show = () =>
  renderPage(
    <Suspense>
      <EmailAccountsPage />
    </Suspense>,
    { path },
  );

const type = (label: string, value: string) => fireEvent.change(screen.getByLabelText(label), { target: { value } });

describe("e-mail accounts", () => {
  it("are added with the servers that the address tells", async () => {
    const world = live();
    show();
    fireEvent.click(await screen.findByRole("button", { name: "Add an account" }));
    await screen.findByRole("dialog");
    type("Address", "mara@provider.example");
    expect((screen.getByLabelText("Reading (IMAP)") as HTMLInputElement).value).toBe("imap.provider.example");
    expect((screen.getByLabelText("Sending (SMTP)") as HTMLInputElement).value).toBe("smtp.provider.example");
    type("Password", "between us");
    fireEvent.click(screen.getByRole("button", { name: "Test the connection" }));
    const steps = await screen.findByRole("list", { name: "Test of the connection" });
    expect(within(steps).getByText(/refused the password. Check it at your provider/)).toBeDefined();
    fireEvent.click(screen.getByRole("button", { name: "Add the account" }));
    await waitFor(() => expect(world.mailRules.accounts).toHaveLength(1));
    expect(await screen.findByRole("heading", { name: "mara@provider.example" })).toBeDefined();
  });

  it("of Gmail sign in with Google and ask for no password", async () => {
    live();
    show();
    fireEvent.click(await screen.findByRole("button", { name: "Add an account" }));
    await screen.findByRole("dialog");
    type("Address", "mara@gmail.com");
    expect(screen.queryByLabelText("Password")).toBeNull();
    expect(screen.getByRole("button", { name: "Connect with Google" })).toBeDefined();
    type("Reading (IMAP)", "imap.provider.example");
    expect(screen.getByRole("button", { name: "Connect with Google" })).toBeDefined();
    type("Sending (SMTP)", "smtp.provider.example");
    expect(screen.getByLabelText("Password")).toBeDefined();
  });
});

it("guesses servers by the domain", () => {
  expect(guess("mara@gmail.com")).toEqual({ imap: "imap.gmail.com", smtp: "smtp.gmail.com" });
  expect(guess("mara@shop.example")).toEqual({ imap: "imap.shop.example", smtp: "smtp.shop.example" });
  expect(guess("mara")).toBeUndefined();
  expect(isGmail({ imap: { host: " IMAP.gmail.com" }, smtp: { host: "" } })).toBe(true);
  expect(isGmail({ imap: { host: "imap.gmail.com.evil.example" }, smtp: { host: "" } })).toBe(false);
});

it("says how long news take", () => {
  expect([120, 4400, 240_000].map(delay)).toEqual(["under a second", "4 s", "4 minutes"]);
});
