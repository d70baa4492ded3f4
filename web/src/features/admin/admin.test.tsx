import { fireEvent, screen, waitFor, within } from "@testing-library/react";
import { type ReactNode, Suspense } from "react";
import { describe, expect, it } from "vitest";
import { request } from "@/testing/adminSample";
import { brokenReport } from "@/testing/doctorSample";
import { live, renderPage } from "@/testing/render";
import { ApprovalPage } from "./ApprovalPage";
import { AuditPage } from "./AuditPage";
import { ColleaguesPage } from "./ColleaguesPage";
import { ConnectionsPage } from "./ConnectionsPage";
import { GooglePage } from "./GooglePage";
import { KeysPage } from "./KeysPage";
import { MembersPage } from "./MembersPage";
import { SetupCheckPage } from "./SetupCheckPage";
import { TokensPage } from "./TokensPage";

const show = (page: ReactNode, path = "/admin/page") => renderPage(<Suspense>{page}</Suspense>, { path });
const click = (name: string | RegExp, within_: { getByRole: typeof screen.getByRole } = screen) =>
  fireEvent.click(within_.getByRole("button", { name }));
const type = (label: string | RegExp, value: string) =>
  fireEvent.change(screen.getByLabelText(label), { target: { value } });
const dialog = async () => within(await screen.findByRole("dialog"));

describe("members", () => {
  it("invites by a link that is shown once", async () => {
    const world = live();
    show(<MembersPage />);
    await screen.findByText("Daniel Osei");
    click("Invite");
    await dialog();
    type("E-mail address", " new@northwind-lamps.example ");
    fireEvent.click(screen.getByRole("radio", { name: "Administrator" }));
    click("Make the link");
    expect(await screen.findByText("https://crm.example/invite/tok-once")).toBeDefined();
    expect(world.organisation.invitations.at(-1)).toMatchObject({
      email: "new@northwind-lamps.example",
      role: "admin",
    });
    click("Done");
    await waitFor(() => expect(screen.queryByText("https://crm.example/invite/tok-once")).toBeNull());
  });

  it("shows a mistake at its field", async () => {
    live();
    show(<MembersPage />);
    await screen.findByText("Daniel Osei");
    click("Invite");
    await dialog();
    type("E-mail address", "daniel.osei@northwind-lamps.example");
    click("Make the link");
    expect(await screen.findByText("is already a member")).toBeDefined();
  });

  it("says what a removal means before it happens", async () => {
    const world = live();
    show(<MembersPage />);
    fireEvent.click(await screen.findByRole("button", { name: "More for Daniel Osei" }));
    fireEvent.click(await screen.findByRole("menuitem", { name: "Remove from the workspace" }));
    const ask = await dialog();
    expect(ask.getByText(/API keys are revoked/)).toBeDefined();
    expect(world.members).toHaveLength(3);
    click("Remove Daniel Osei", ask);
    await waitFor(() => expect(world.members.map((m) => m.user_id)).toEqual(["u1", "u3"]));
  });

  it("gives what they had to a successor", async () => {
    const world = live();
    show(<MembersPage />);
    fireEvent.click(await screen.findByRole("button", { name: "More for Daniel Osei" }));
    fireEvent.click(await screen.findByRole("menuitem", { name: "Remove from the workspace" }));
    const ask = await dialog();
    fireEvent.click(ask.getByRole("combobox", { name: "Give their records and open tasks to" }));
    await screen.findAllByRole("option");
    expect(screen.queryByRole("option", { name: "Daniel Osei" })).toBeNull();
    fireEvent.click(screen.getByRole("option", { name: world.members.find((m) => m.user_id === "u3")?.name }));
    click("Remove Daniel Osei", ask);
    await waitFor(() => expect(world.members).toHaveLength(2));
    expect(world.log).toContain("u2 is followed by u3");
  });

  it("does not let an administrator touch owners", async () => {
    live((w) => {
      w.me.workspaces = w.me.workspaces.map((x) => ({ ...x, role: "admin" }));
    });
    show(<MembersPage />);
    await screen.findByText("Daniel Osei");
    expect(screen.queryByLabelText("Role of Mara Lindqvist")).toBeNull();
    expect(screen.getAllByLabelText("Role of Daniel Osei").length).toBeGreaterThan(0);
  });
});

describe("approval", () => {
  it("approves with one click, which answers who asked", async () => {
    const world = live((w) => {
      w.organisation.approval.state = "pending";
      w.organisation.approval.requests = [request(new Date())];
    });
    show(<ApprovalPage />);
    expect(await screen.findByText("I would like to answer the fitters from here.")).toBeDefined();
    click("Approve");
    expect(await screen.findByText("Google is approved")).toBeDefined();
    expect(screen.queryByText("A member asks")).toBeNull();
    expect(world.organisation.approval.state).toBe("approved");
  });

  it("asks before it blocks, and says whom it touches", async () => {
    const world = live();
    show(<ApprovalPage />);
    fireEvent.click(await screen.findByRole("radio", { name: "Blocked" }));
    const ask = await dialog();
    expect(await ask.findByText(/3 connections stop reading mail/)).toBeDefined();
    expect(world.organisation.approval.state).toBe("approved");
    click("Block", ask);
    await waitFor(() => expect(world.organisation.approval.state).toBe("blocked"));
  });

  it("keeps a change as a draft until it is saved", async () => {
    const world = live();
    show(<ApprovalPage />);
    fireEvent.click(await screen.findByRole("radio", { name: "Headers only" }));
    expect(screen.getByText(/New consents ask for less/)).toBeDefined();
    expect(world.organisation.approval.scope_profile).toBe("full");
    click("Save");
    await waitFor(() => expect(world.organisation.approval.scope_profile).toBe("metadata"));
    await waitFor(() => expect(screen.queryByRole("button", { name: "Save" })).toBeNull());
  });

  it("gives what has to be entered at Google", async () => {
    live();
    show(<ApprovalPage />);
    expect(await screen.findByText("481516234200-lamps.apps.googleusercontent.com")).toBeDefined();
    expect(screen.getByText("https://crm.northwind-lamps.example/oauth/callback")).toBeDefined();
    const trail = within(screen.getByRole("list", { name: "Path in the console" })).getAllByRole("listitem");
    expect(trail.map((li) => li.textContent)).toEqual([
      "Security",
      "Access and data control",
      "API controls",
      "Manage third-party app access",
    ]);
  });

  it("counts down while the app is in testing", async () => {
    live((w) => {
      w.organisation.approval.testing = {
        detected: true,
        countdown: new Date(Date.now() + 3 * 86_400_000).toISOString(),
        evidence: "",
      };
    });
    show(<ApprovalPage />);
    expect(await screen.findByText("Connections begin to end in 3 days")).toBeDefined();
    click("How to end this");
    expect(await screen.findByText(/make it internal/)).toBeDefined();
  });
});

describe("Google credentials", () => {
  it("never sends a secret where an id belongs", async () => {
    const world = live();
    show(<GooglePage />);
    await screen.findByText("Northwind Lamps CRM");
    click("Add");
    await dialog();
    type("Name", "Second");
    type("Client id", "GOCSPX-abc");
    type("Client secret", "s");
    click("Add", await dialog());
    expect(await screen.findByText(/This is a client secret/)).toBeDefined();
    expect(world.log).toEqual([]);
    type("Client id", "77-second.apps.googleusercontent.com");
    click("Add", await dialog());
    await waitFor(() =>
      expect(world.organisation.clients[0]?.google_client_id).toBe("77-second.apps.googleusercontent.com"),
    );
  });

  it("retires credentials, and leaves those of the environment alone", async () => {
    const world = live();
    show(<GooglePage />);
    fireEvent.click(await screen.findByRole("button", { name: "More for Northwind Lamps CRM" }));
    fireEvent.click(await screen.findByRole("menuitem", { name: "Retire" }));
    const ask = await dialog();
    expect(ask.getByText(/14 permissions made with it go on working/)).toBeDefined();
    click("Retire", ask);
    await waitFor(() => expect(world.organisation.clients[0]?.retired_at).not.toBeNull());
    expect(screen.getAllByRole("button", { name: /^More for/ })).toHaveLength(1);
  });
});

describe("connections", () => {
  it("shows those that need somebody, and makes a link for them", async () => {
    const world = live();
    show(<ConnectionsPage />);
    await screen.findByText("Yuki Arai");
    fireEvent.click(screen.getByRole("radio", { name: /Needs attention/ }));
    expect(
      screen
        .getAllByRole("row")
        .slice(1)
        .map((r) => r.querySelector("td")?.textContent),
    ).toEqual([
      expect.stringContaining("Daniel Osei"),
      expect.stringContaining("Hanne Brandt"),
      expect.stringContaining("Lena Vogt"),
    ]);
    const [first] = screen.getAllByRole("button", { name: "Connect link" });
    if (first) fireEvent.click(first);
    expect(await screen.findByText("Send this link")).toBeDefined();
    expect(world.organisation.links.at(-1)?.email).toBe("daniel.osei@northwind-lamps.example");
  });
});

describe("all connections", () => {
  it("are counted to the last page", async () => {
    live((w) => {
      const [first] = w.organisation.connections;
      if (first)
        w.organisation.connections = Array.from({ length: 60 }, (_, n) => ({
          ...first,
          id: `c${n}`,
          status: n % 6 === 0 ? ("needs_reauth" as const) : ("active" as const),
        }));
    });
    show(<ConnectionsPage />);
    expect(await screen.findByText("10")).toBeDefined();
  });
});

describe("colleagues", () => {
  it("makes links for those who were chosen, and offers no box where none would help", async () => {
    const world = live();
    show(<ColleaguesPage />);
    fireEvent.click(await screen.findByLabelText("Select Bettina Krause"));
    fireEvent.click(screen.getByLabelText("Select Chidi Anozie"));
    expect(screen.queryByLabelText("Select Old Showroom")).toBeNull();
    click("Make connect links");
    expect(await screen.findByText("Send these 2 links")).toBeDefined();
    expect(world.organisation.links.slice(-2).map((l) => l.name)).toEqual(["Bettina Krause", "Chidi Anozie"]);
    expect(screen.getAllByRole("link", { name: /^Write to/ })[0]?.getAttribute("href")).toMatch(
      /^mailto:bettina\.krause%40/,
    );
  });

  it("goes on page after page", async () => {
    live((w) => {
      const [first] = w.organisation.directory === "not_connected" ? [] : w.organisation.directory;
      if (first)
        w.organisation.directory = Array.from({ length: 60 }, (_, n) => ({
          ...first,
          id: `x${n}`,
          connected: false,
          email: `x${n}@a.example`,
        }));
    });
    show(<ColleaguesPage />);
    expect(await screen.findByRole("button", { name: "Show more" })).toBeDefined();
    const shown = () => within(screen.getByRole("table", { name: "Colleagues" })).getAllByRole("row");
    expect(shown()).toHaveLength(51);
    click("Show more");
    await waitFor(() => expect(shown()).toHaveLength(61));
  });

  it("leads to connecting the directory first", async () => {
    live((w) => {
      w.organisation.directory = "not_connected";
    });
    show(<ColleaguesPage />);
    const link = await screen.findByRole("link", { name: "Connect the directory" });
    const url = new URL(link.getAttribute("href") ?? "", "http://crm.example");
    expect(url.pathname).toBe("/oauth/authorize");
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      userId: "u1",
      service: "directory",
      redirect: "/admin/colleagues",
    });
  });
});

describe("API keys", () => {
  it("shows a new key once", async () => {
    const world = live();
    show(<KeysPage />);
    await screen.findByText("Quote builder");
    click("Create a key");
    await dialog();
    const create = () => screen.getByRole("button", { name: "Create the key" }) as HTMLButtonElement;
    expect(create().disabled).toBe(true);
    type("Name", "Reports");
    fireEvent.click(screen.getByLabelText("Gmail"));
    fireEvent.click(create());
    expect(await screen.findByText("rpk_new1_s3cr3tOnce")).toBeDefined();
    expect(world.organisation.keys[0]).toMatchObject({ name: "Reports", scopes: ["tokens:vend:gmail"] });
    expect(world.organisation.keys[0]?.expires_at).not.toBeNull();
    click("Done");
    await waitFor(() => expect(screen.queryByText("rpk_new1_s3cr3tOnce")).toBeNull());
  });

  it("revokes after saying what stops", async () => {
    const world = live();
    show(<KeysPage />);
    fireEvent.click(await screen.findByRole("button", { name: "Revoke the key Quote builder" }));
    const ask = await dialog();
    expect(ask.getByText(/refused from the next call on/)).toBeDefined();
    click("Revoke the key", ask);
    await waitFor(() => expect(world.organisation.keys.find((k) => k.id === "k1")?.revoked_at).not.toBeNull());
  });
});

describe("tokens", () => {
  it("revokes one service of one user, and cuts a lease off", async () => {
    const world = live();
    show(<TokensPage />);
    fireEvent.click(await screen.findByRole("button", { name: "Revoke Gmail of shop-1042" }));
    click("Revoke", await dialog());
    await waitFor(() => expect(world.organisation.tokens.map((t) => t.id)).toEqual(["t2", "t3"]));
    expect(await screen.findByText("Token revoked for user shop-1042, service gmail")).toBeDefined();
    fireEvent.click(await screen.findByRole("button", { name: "Cut off Mail merge, March" }));
    await waitFor(() => expect(world.organisation.leases[0]?.cut_at).not.toBeNull());
    expect(screen.queryByRole("button", { name: "Cut off Price sheet" })).toBeNull();
  });
});

describe("the audit log", () => {
  it("goes on, narrows, and shows a row as it was written", async () => {
    live();
    show(<AuditPage />);
    const entries = () =>
      screen.getAllByRole("button").filter((b) => b.hasAttribute("aria-expanded") && b.querySelector("time"));
    await screen.findAllByText("was given a Gmail token");
    expect(entries()).toHaveLength(50);
    click("Show more");
    await waitFor(() => expect(entries()).toHaveLength(100));
    const [first] = entries();
    if (first) fireEvent.click(first);
    expect(screen.getByText("token.vend")).toBeDefined();
  });

  it("says when nothing matches", async () => {
    live((w) => {
      w.organisation.audit = [];
    });
    show(<AuditPage />);
    expect(await screen.findByText("Nothing has happened yet")).toBeDefined();
  });
});

describe("the set-up check", () => {
  it("opens the first broken link with its fix, and runs again", async () => {
    const world = live((w) => {
      w.organisation.doctor = brokenReport;
    });
    show(<SetupCheckPage />);
    expect(await screen.findByText("The first broken link: Redirect URI")).toBeDefined();
    expect(
      screen.getByRole("button", { name: "Copy https://crm.northwind-lamps.example/oauth/callback" }),
    ).toBeDefined();
    world.organisation.doctor = {
      broken: "",
      findings: brokenReport.findings.map((f) => ({ ...f, state: "ok", fix: "" })),
    };
    click("Run again");
    expect(await screen.findByText("Everything is in order")).toBeDefined();
    expect(world.log.filter((l) => l.endsWith("/doctor"))).toHaveLength(2);
  });
});
