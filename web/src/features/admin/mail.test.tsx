import { fireEvent, screen, waitFor } from "@testing-library/react";
import { Suspense } from "react";
import { describe, expect, it } from "vitest";
import { live, renderPage } from "@/testing/render";
import { MailPage, retentionConsequences } from "./MailPage";

const show = () =>
  renderPage(
    <Suspense>
      <MailPage />
    </Suspense>,
    { path: "/admin/mail" },
  );

describe("rules for the workspace's mail", () => {
  it("leave an address out, and say what that means for mail that is here", async () => {
    const world = live();
    show();
    expect(await screen.findByText("everybody at payroll.example")).toBeDefined();
    const line = screen.getByLabelText("Address or domain");
    fireEvent.change(line, { target: { value: "nonsense" } });
    fireEvent.click(screen.getByRole("button", { name: "Add" }));
    expect(await screen.findByText(/must be an address or a domain/)).toBeDefined();
    fireEvent.change(line, { target: { value: "doctor@clinic.example" } });
    fireEvent.click(screen.getByRole("button", { name: "Add" }));
    expect(await screen.findByText(/3 messages with doctor@clinic.example are being removed/)).toBeDefined();
    fireEvent.click(await screen.findByRole("button", { name: "Remove the rule about doctor@clinic.example" }));
    await waitFor(() => expect(world.mailRules.rules).toHaveLength(1));
  });

  it("tell where own domains come from, and let one be taken back", async () => {
    const world = live((w) => {
      w.mailRules.policy.own_domains = ["northwind-lamps.example", "lampshade-agency.example"];
    });
    show();
    expect(await screen.findByText(/Whoever becomes an administrator brings theirs along/)).toBeDefined();
    const tag = screen.getByText("lampshade-agency.example");
    const close = tag.parentElement?.querySelector("button");
    if (close) fireEvent.click(close);
    await waitFor(() => expect(world.mailRules.policy.own_domains).toEqual(["northwind-lamps.example"]));
    fireEvent.click(await screen.findByRole("button", { name: "Follow them" }));
    await waitFor(() => expect(world.mailRules.policy.domains_chosen).toBe(false));
  });

  it("ask before old mail is deleted", async () => {
    const world = live();
    show();
    fireEvent.change(await screen.findByLabelText("Messages are kept for"), { target: { value: "365" } });
    fireEvent.click(await screen.findByRole("button", { name: "Save" }));
    expect(await screen.findByText(/older than 365 days are deleted from Rapport/)).toBeDefined();
    expect(world.mailRules.policy.retention_days).toBe(0);
    fireEvent.click(screen.getByRole("button", { name: "Change it" }));
    await waitFor(() => expect(world.mailRules.policy.retention_days).toBe(365));
  });
});

it("says what a change of retention does", () => {
  const policy = {
    store_internal: false,
    own_domains: [],
    domains_chosen: false,
    retention_days: 365,
    body_retention_days: 90,
  };
  expect(retentionConsequences(policy, { rows: 365, texts: 90 })).toEqual([]);
  expect(retentionConsequences(policy, { rows: 0, texts: 90 })[0]).toMatch(/fetched again/);
  expect(retentionConsequences(policy, { rows: 365, texts: 30 })[0]).toMatch(/older than 30 days the text is deleted/);
});
