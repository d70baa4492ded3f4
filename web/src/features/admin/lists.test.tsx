import { act, cleanup, fireEvent, screen, waitFor, within } from "@testing-library/react";
import { type ReactNode, Suspense } from "react";
import { describe, expect, it } from "vitest";
import type { Role } from "@/lib/types";
import type { World } from "@/testing/handlers";
import { live, renderPage } from "@/testing/render";
import { server } from "@/testing/setup";
import { AuditPage } from "./AuditPage";
import { ColleaguesPage } from "./ColleaguesPage";
import { KeysPage } from "./KeysPage";
import { MembersPage } from "./MembersPage";

const show = (page: ReactNode) => renderPage(<Suspense>{page}</Suspense>, { path: "/admin/page" });
const click = (name: string) => fireEvent.click(screen.getByRole("button", { name }));
const type = (label: string, value: string) => fireEvent.change(screen.getByLabelText(label), { target: { value } });

/** So many more members than the sample has. */
const crowd = (world: World, n: number, role: Role = "member") =>
  world.members.push(
    ...Array.from({ length: n }, (_, i) => ({
      user_id: `m${i}`,
      name: `Crowd ${i}`,
      email: `crowd${i}@northwind-lamps.example`,
      role,
      joined_at: "2026-01-05T09:00:00Z",
    })),
  );

describe("many members", () => {
  const shown = () => within(screen.getByRole("table", { name: "Members" })).getAllByRole("row").length - 1;

  it("come page after page, and are found by the server", async () => {
    live((w) => {
      crowd(w, 6);
      w.page = 5;
    });
    show(<MembersPage />);
    await screen.findByText("Daniel Osei");
    expect(shown()).toBe(5);
    click("Show more");
    await waitFor(() => expect(shown()).toBe(9));
    expect(screen.queryByRole("button", { name: "Show more" })).toBeNull();
    type("Search the members", "crowd 5");
    await waitFor(() => expect(shown()).toBe(1));
    expect(screen.getByText("Crowd 5")).toBeDefined();
    type("Search the members", "nobody at all");
    expect(await screen.findByText("Nobody matches")).toBeDefined();
  });

  it("have an owner that is not on the page: then the first may go", async () => {
    const world = live((w) => {
      crowd(w, 4);
      w.page = 4;
    });
    show(<MembersPage />);
    await screen.findByText("Daniel Osei");
    expect(screen.queryByLabelText("Role of Mara Lindqvist"), "the last owner stays").toBeNull();
    cleanup();
    world.members = world.members.map((m) => (m.user_id === "m3" ? { ...m, role: "owner" } : m));
    show(<MembersPage />);
    expect((await screen.findAllByLabelText("Role of Mara Lindqvist")).length).toBeGreaterThan(0);
    expect(screen.queryByText("Crowd 3")).toBeNull();
  });

  it("are named where they are needed, all in one call", async () => {
    const asked: string[] = [];
    server.events.on("request:start", ({ request }) => {
      const ids = new URL(request.url).searchParams.get("user_ids");
      if (ids) asked.push(ids);
    });
    live((w) => {
      crowd(w, 90);
      const [key] = w.organisation.keys;
      if (key)
        w.organisation.keys = ["m80", "m81", "m80", "gone", "a,b"].map((user_id, i) => ({
          ...key,
          id: `k${i}`,
          name: `Key ${i}`,
          user_id,
        }));
    });
    show(<KeysPage />);
    expect(await screen.findAllByText(/of Crowd 80/)).toHaveLength(2);
    expect(screen.getByText(/of Crowd 81/)).toBeDefined();
    expect(asked).toEqual(["m80,m81,gone"]);
    server.events.removeAllListeners();
  });

  it("are chosen in the audit log by writing their name", async () => {
    live((w) => {
      crowd(w, 90);
      w.organisation.audit = [];
    });
    show(<AuditPage />);
    const who = (await screen.findByRole("combobox", { name: "Who" })) as HTMLInputElement;
    act(() => who.focus());
    fireEvent.click(who);
    fireEvent.change(who, { target: { value: "crowd 88" } });
    fireEvent.click(await screen.findByRole("option", { name: "Crowd 88" }));
    await waitFor(() => expect(who.value).toBe("Crowd 88"));
    expect(await screen.findByText("Nothing matches")).toBeDefined();
  });
});

describe("many API keys", () => {
  it("come page after page, those in use and the others apart", async () => {
    live((w) => {
      const [key] = w.organisation.keys;
      const made = (n: number, revoked_at: string | null) =>
        key
          ? Array.from({ length: n }, (_, i) => ({ ...key, id: `${n}-${i}`, name: `Key ${n}-${i}`, revoked_at }))
          : [];
      w.organisation.keys = [...made(60, "2026-01-05T09:00:00Z"), ...made(55, null)];
    });
    show(<KeysPage />);
    const shown = (label: string) => within(screen.getByRole("table", { name: label })).getAllByRole("row").length - 1;
    await screen.findByRole("table", { name: "Revoked and expired keys" });
    await screen.findByText("Key 55-0");
    expect(shown("Keys in use")).toBe(50);
    expect(shown("Revoked and expired keys")).toBe(50);
    for (const button of screen.getAllByRole("button", { name: "Show more" })) fireEvent.click(button);
    await waitFor(() => expect(shown("Keys in use")).toBe(55));
    await waitFor(() => expect(shown("Revoked and expired keys")).toBe(60));
  });
});

describe("many invitations and links", () => {
  it("come page after page", async () => {
    live((w) => {
      const [invitation] = w.organisation.invitations;
      const expires_at = new Date(Date.now() + 86_400_000).toISOString();
      if (invitation)
        w.organisation.invitations = Array.from({ length: 70 }, (_, i) => ({ ...invitation, id: `i${i}`, expires_at }));
      const [link] = w.organisation.links;
      if (link)
        w.organisation.links = Array.from({ length: 70 }, (_, i) => ({
          ...link,
          id: `l${i}`,
          used_at: null,
          expires_at,
        }));
    });
    for (const [page, label] of [
      [<MembersPage key="m" />, "Open invitations"],
      [<ColleaguesPage key="c" />, "Links not used yet"],
    ] as const) {
      show(page);
      const table = await screen.findByRole("table", { name: label });
      const shown = () => within(table).getAllByRole("row").length - 1;
      expect(shown()).toBe(50);
      click("Show more");
      await waitFor(() => expect(shown()).toBe(70));
      cleanup();
    }
  });
});
