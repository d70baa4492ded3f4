import { fireEvent, screen, waitFor, within } from "@testing-library/react";
import { Suspense } from "react";
import { describe, expect, it } from "vitest";
import type { Completeness } from "@/lib/types";
import { live, renderPage } from "@/testing/render";
import { account, makeFailures, makeRuns, notConnected } from "@/testing/sample";
import { server } from "@/testing/setup";
import { AccountPage } from "./AccountPage";
import { verdict } from "./CompletenessSection";
import { changed, laneText } from "./GmailSection";
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
    expect(await screen.findByText(/1,000 more messages to import/)).toBeDefined();
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

describe("permissions", () => {
  const missing = [
    {
      scope: "https://www.googleapis.com/auth/gmail.send",
      feature: "Send mail",
      description: "Mail cannot be sent from here.",
    },
    {
      scope: "https://www.googleapis.com/auth/calendar.events",
      feature: "Manage events",
      description: "Meetings are not kept in step.",
    },
  ];

  it("asks for just the one that is missing, with one click for each", async () => {
    live((w) => {
      w.status = { ...w.status, status: "degraded", missing_scopes: missing };
    });
    const asked: string[] = [];
    server.events.on("request:start", ({ request }) => {
      if (request.url.includes("/google/connect")) asked.push(new URL(request.url).searchParams.get("services") ?? "");
    });
    show();
    fireEvent.click(await screen.findByRole("button", { name: "Allow: Manage events" }));
    await waitFor(() => expect(asked).toEqual(["calendar"]));
    fireEvent.click(screen.getByRole("button", { name: "Give all missing permissions" }));
    await waitFor(() => expect(asked).toEqual(["calendar", "gmail,calendar"]));
    server.events.removeAllListeners();
  });
});

describe("large imports by IMAP", () => {
  it("leads to the permission it needs, with one click", async () => {
    live();
    const asked: string[] = [];
    server.events.on("request:start", ({ request }) => {
      if (request.url.includes("/google/connect")) asked.push(new URL(request.url).search);
    });
    show();
    expect(await screen.findByText(/one permission more, for all of Gmail/)).toBeDefined();
    expect(screen.queryByRole("switch", { name: "Large imports by IMAP" })).toBeNull();
    fireEvent.click(screen.getByRole("button", { name: "Allow IMAP at Google" }));
    await waitFor(() => expect(asked.length).toBe(1));
    expect(new URLSearchParams(asked[0]).get("services")).toBe("imap");
    expect(new URLSearchParams(asked[0]).get("connection_id")).not.toBe("");
    server.events.removeAllListeners();
  });

  it("is turned on and off once it is given", async () => {
    const world = live((w) => {
      w.status.granted_scopes = [...w.status.granted_scopes, "https://mail.google.com/"];
    });
    show();
    const lane = await screen.findByRole("switch", { name: "Large imports by IMAP" });
    fireEvent.click(lane);
    await waitFor(() => expect(world.status.settings.imap_lane).toBe(true));
    fireEvent.click(await screen.findByRole("switch", { name: "Large imports by IMAP", checked: true }));
    await waitFor(() => expect(world.status.settings.imap_lane).toBe(false));
  });

  it("says why it rests", () => {
    const settings = { ...notConnected.settings, imap_lane: true };
    const lane = { bytes_today: 2e9, messages: 4200, reason: "Today's share is used up.", state: "resting" as const };
    expect(laneText({ settings, imap_lane: lane }, true)).toMatch(/Today's share is used up\. .*Gmail API meanwhile/);
    expect(laneText({ settings, imap_lane: { ...lane, reason: "", state: "ready" } }, true)).toContain(
      "4,200 messages",
    );
  });
});

describe("members", () => {
  const at = "/crm/settings/members";
  const page = (
    <Suspense>
      <MembersPage />
    </Suspense>
  );
  it("leads those who may to the administration", async () => {
    live();
    renderPage(page, { path: at });
    const link = await screen.findByRole("link", { name: "Invite and manage" });
    expect(link.getAttribute("href")).toBe("/admin/members");
  });

  it("tells members who does it", async () => {
    live((w) => {
      w.me.workspaces = w.me.workspaces.map((x) => ({ ...x, role: "member" }));
    });
    renderPage(page, { path: at });
    expect(await screen.findByText("The owner and administrators invite members.")).toBeDefined();
    expect(screen.queryByRole("link", { name: "Invite and manage" })).toBeNull();
  });
});

describe("the account", () => {
  const account = (
    <Suspense>
      <AccountPage />
    </Suspense>
  );
  const at = "/crm/settings/account";
  const fill = (label: string, value: string) => fireEvent.change(screen.getByLabelText(label), { target: { value } });

  it("changes one's own name everywhere", async () => {
    const world = live();
    renderPage(account, { path: at });
    await screen.findByText("Chrome on Linux");
    const save = () => screen.getByRole("button", { name: "Save" });
    expect(save().hasAttribute("disabled")).toBe(true);
    fill("Your name", "Mara Berg");
    fireEvent.click(save());
    expect(await screen.findByText("Your name is changed.")).toBeDefined();
    expect(world.me.user.name).toBe("Mara Berg");
    expect((await screen.findAllByText("Mara Berg")).length).toBeGreaterThan(0);
  });

  it("goes on where there are many", async () => {
    live((w) => {
      const [session] = w.organisation.sessions;
      if (session)
        w.organisation.sessions = Array.from({ length: 70 }, (_, i) => ({ ...session, id: `s${i}`, current: i === 0 }));
    });
    renderPage(account, { path: at });
    const more = await screen.findByRole("button", { name: "Show more" });
    expect(screen.getAllByRole("listitem")).toHaveLength(50);
    fireEvent.click(more);
    await waitFor(() => expect(screen.getAllByRole("listitem")).toHaveLength(70));
  });

  it("lists where one is signed in, this one first, and ends another", async () => {
    const world = live();
    renderPage(account, { path: at });
    expect(await screen.findByText("Chrome on Linux")).toBeDefined();
    const rows = screen.getAllByRole("listitem").map((row) => row.textContent ?? "");
    expect(rows[0]).toContain("This one");
    expect(screen.queryByRole("button", { name: "End the session of Chrome on Linux" })).toBeNull();
    fireEvent.click(screen.getByRole("button", { name: "End the session of Safari on iPhone" }));
    await waitFor(() => expect(world.organisation.sessions.map((s) => s.id)).toEqual(["s1"]));
  });

  it("leads out of the workspace where somebody else owns it", async () => {
    const world = live((w) => {
      for (const workspace of w.me.workspaces) workspace.role = "member";
    });
    renderPage(account, { path: at });
    fireEvent.click(await screen.findByRole("button", { name: "Leave" }));
    const dialog = await screen.findByRole("dialog");
    expect(within(dialog).getByText(/Google accounts are disconnected/)).toBeDefined();
    fireEvent.click(within(dialog).getByRole("button", { name: "Leave" }));
    await waitFor(() => expect(world.members.some((m) => m.user_id === world.me.user.id)).toBe(false));
  });

  it("says why its only owner stays", async () => {
    live((w) => {
      for (const workspace of w.me.workspaces) workspace.role = "owner";
    });
    renderPage(account, { path: at });
    expect(await screen.findByText(/You are its only owner/)).toBeDefined();
    expect(screen.getByRole("button", { name: "Leave" }).hasAttribute("disabled")).toBe(true);
  });

  it("tells who came by somebody else's password that it is gone", async () => {
    live();
    renderPage(account, { path: at, at: `${at}?password=cleared&next=%2Fcrm%2Finbox` });
    expect(await screen.findByRole("heading", { name: "Your account is yours alone now" })).toBeDefined();
    expect(screen.getByRole("link", { name: "Go on" }).getAttribute("href")).toBe("/crm/inbox");
  });

  it("leads nowhere else from there", async () => {
    live();
    renderPage(account, { path: at, at: `${at}?password=cleared&next=%2F%2Fevil.example` });
    expect((await screen.findByRole("link", { name: "Go on" })).getAttribute("href")).toBe("/crm");
  });

  it("signs out everywhere only after saying what that means", async () => {
    const world = live();
    const { router } = renderPage(account, { path: at });
    fireEvent.click(await screen.findByRole("button", { name: "Sign out everywhere" }));
    const dialog = within(await screen.findByRole("dialog"));
    expect(dialog.getByText(/this one too/)).toBeDefined();
    expect(world.signedIn).toBe(true);
    fireEvent.click(dialog.getByRole("button", { name: "Sign out everywhere" }));
    await waitFor(() => expect(router.state.location.pathname).toBe("/login"));
    expect(world.signedIn).toBe(false);
  });

  it("changes the password, and shows a wrong one at its field", async () => {
    const world = live();
    renderPage(account, { path: at });
    await screen.findByText("Chrome on Linux");
    fill("Present password", "wrong");
    fill("New password", "a better battery");
    fill("New password once more", "another battery");
    fireEvent.click(screen.getByRole("button", { name: "Change the password" }));
    expect(await screen.findByText("is not the same")).toBeDefined();
    expect(world.log).toEqual([]);
    fill("New password once more", "a better battery");
    fireEvent.click(screen.getByRole("button", { name: "Change the password" }));
    expect(await screen.findByText("is not right")).toBeDefined();
    fill("Present password", "correct horse battery");
    fireEvent.click(screen.getByRole("button", { name: "Change the password" }));
    expect(await screen.findByText(/Your password is changed/)).toBeDefined();
  });
});

it.each<[Completeness["state"], boolean]>([
  ["complete", true],
  ["healed", true],
  ["explained", false],
  ["incomplete", false],
])("a check that ends %s is good: %s", (state, good) => {
  const check = {
    checked_at: "",
    google_count: 4212,
    rapport_count: 4210,
    missing: 2,
    extra: 0,
    healed: 0,
    excluded: 0,
    state,
  };
  expect(verdict(check)).toMatchObject({ good, title: "Gmail has 4,212, Rapport has 4,210" });
});

it("saves only what was changed", () => {
  const saved = {
    labels: ["INBOX", "SENT"],
    labels_off: {},
    limit: 1000,
    poll_seconds: 60,
    visibility: "private" as const,
    since: null,
    imap_lane: false,
    contact_policy: "sent" as const,
    enrich: "rules" as const,
  };
  expect(changed({ ...saved, labels: ["SENT", "INBOX"] }, saved)).toBeUndefined();
  expect(changed({ ...saved, limit: 0 }, saved)).toEqual({ limit: 0 });
  expect(changed({ ...saved, labels: ["INBOX"] }, saved, true)).toEqual({
    labels: ["INBOX"],
    labels_off: { SENT: "hide" },
  });
  expect(changed({ ...saved, labels: ["*"] }, saved)).toEqual({ labels: ["*"] });
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
