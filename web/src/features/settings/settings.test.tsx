import { fireEvent, screen, waitFor, within } from "@testing-library/react";
import { Suspense } from "react";
import { describe, expect, it } from "vitest";
import type { Completeness } from "@/lib/types";
import { live, renderPage } from "@/testing/render";
import { account, makeFailures, makeRuns, notConnected } from "@/testing/sample";
import { verdict } from "./CompletenessSection";
import { changed } from "./GmailSection";
import { result } from "./HistorySections";
import { IntegrationsPage } from "./IntegrationsPage";
import { MembersPage } from "./MembersPage";

const path = "/crm/settings/integrations";
const show = (at = path) =>
  renderPage(
    <Suspense>
      <IntegrationsPage />
    </Suspense>,
    { path, at },
  );

describe("the integrations page", () => {
  it("says the state first", async () => {
    live();
    show();
    expect(await screen.findByRole("heading", { name: `Connected as ${account}` })).toBeDefined();
    expect(await screen.findByText(/40 of 40 messages/)).toBeDefined();
  });

  it("leads to connecting where nothing is connected", async () => {
    live((w) => {
      w.status = notConnected;
    });
    show();
    expect(await screen.findByRole("link", { name: "Connect Google" })).toBeDefined();
  });

  it("lists what could not be imported and tries it again", async () => {
    const world = live((w) => {
      w.failures = makeFailures(new Date());
      w.status.counts.failures = 2;
    });
    show();
    expect(await screen.findByText("Scan of the signed contract")).toBeDefined();
    const [first] = screen.getAllByRole("button", { name: "Try again now" });
    if (first) fireEvent.click(first);
    await waitFor(() => expect(screen.queryByText("Scan of the signed contract")).toBeNull());
    expect(world.log.some((line) => line.endsWith("/retry"))).toBe(true);
  });

  it("shows what a change would import before it is saved", async () => {
    const world = live();
    show();
    fireEvent.click(await screen.findByLabelText("All mail but spam, drafts and the bin"));
    expect(await screen.findByText(/1,000 messages to import beyond the 40 that are here, about 3 min/)).toBeDefined();
    expect(world.status.settings.labels).toEqual(["INBOX", "SENT"]);
    fireEvent.click(screen.getByRole("button", { name: "Save" }));
    await waitFor(() => expect(world.status.settings.labels).toEqual(["*"]));
  });

  it("deletes data only after the address was typed, and says what happens", async () => {
    const world = live();
    show();
    fireEvent.click(await screen.findByRole("button", { name: "Delete the data" }));
    const dialog = within(await screen.findByRole("dialog"));
    expect(dialog.getByText(/40 messages in \d+ conversations/)).toBeDefined();
    const button = dialog.getByRole("button", { name: "Delete 40 messages" });
    expect((button as HTMLButtonElement).disabled).toBe(true);
    fireEvent.change(dialog.getByLabelText(/to confirm/), { target: { value: account } });
    fireEvent.click(dialog.getByRole("button", { name: "Delete 40 messages" }));
    await waitFor(() => expect(world.mail).toEqual([]));
  });

  it("names the three likely causes after a denied consent", async () => {
    live((w) => {
      w.status = notConnected;
    });
    show(`${path}?google=denied`);
    expect((await screen.findAllByRole("listitem")).length).toBe(3);
    expect(screen.getByRole("button", { name: "Connect again" })).toBeDefined();
  });
});

describe("members", () => {
  const members = "/crm/settings/members";
  it("shows a mistake at its field", async () => {
    live();
    renderPage(
      <Suspense>
        <MembersPage />
      </Suspense>,
      { path: members },
    );
    fireEvent.click(await screen.findByRole("button", { name: "Add a member" }));
    fireEvent.change(await screen.findByLabelText("E-mail address"), { target: { value: account } });
    fireEvent.click(screen.getByRole("button", { name: "Add" }));
    expect(await screen.findByText("is already a member")).toBeDefined();
  });

  it("offers adding to those who may", async () => {
    live((w) => {
      w.me.workspaces = w.me.workspaces.map((x) => ({ ...x, role: "member" }));
    });
    renderPage(
      <Suspense>
        <MembersPage />
      </Suspense>,
      { path: members },
    );
    expect(await screen.findByText("The owner and administrators add members.")).toBeDefined();
    expect(screen.queryByRole("button", { name: "Add a member" })).toBeNull();
  });
});

it.each<[Completeness["state"], boolean]>([
  ["complete", true],
  ["healed", true],
  ["explained", false],
  ["incomplete", false],
])("a check that ends %s is good: %s", (state, good) => {
  const check = { checked_at: "", google_count: 4212, rapport_count: 4210, missing: 2, extra: 0, healed: 0, state };
  expect(verdict(check)).toMatchObject({ good, title: "Gmail has 4,212, Rapport has 4,210" });
});

it("saves only what was changed", () => {
  const saved = {
    labels: ["INBOX", "SENT"],
    limit: 1000,
    poll_seconds: 60,
    visibility: "private" as const,
    since: null,
  };
  expect(changed({ ...saved, labels: ["SENT", "INBOX"] }, saved)).toBeUndefined();
  expect(changed({ ...saved, limit: 0 }, saved)).toEqual({ limit: 0 });
});

it("says the result of a run in words", () => {
  expect(makeRuns(new Date()).map(result)).toEqual([
    "1 new",
    "2 changed",
    "1 deleted",
    "Google did not answer in time",
    "1,200 new, 1 failed",
  ]);
});
