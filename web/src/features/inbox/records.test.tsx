import { fireEvent, screen, waitFor, within } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { Suspense } from "react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Email } from "@/lib/types";
import type { World } from "@/testing/handlers";
import { live, renderPage } from "@/testing/render";
import { server } from "@/testing/setup";
import { chiefOf } from "./EmailListItem";
import { InboxPage } from "./InboxPage";
import { type EmailLink, linksOf } from "./RecordPanel";
import { emailQuery } from "./useInbox";

const link = (type: string, name: string, rule: EmailLink["rule"]): EmailLink => ({
  record: { id: name, type, name },
  rule,
  why: `${name} by ${rule}`,
  manual: rule === "manual",
  at: "2026-11-21T10:00:00Z",
});
const message = (...links: EmailLink[]) => ({ links }) as Email;

describe("the records of a conversation", () => {
  it("stand once, by the best reason, people before deals and companies", () => {
    const links = linksOf([
      message(link("company", "Alpwind", "domain"), link("person", "Priya", "thread")),
      message(link("person", "Priya", "address"), link("deal", "Lobby", "deal"), link("project", "Canopy", "manual")),
    ]);
    expect(links.map((l) => [l.record.name, l.rule])).toEqual([
      ["Priya", "address"],
      ["Lobby", "deal"],
      ["Alpwind", "domain"],
      ["Canopy", "manual"],
    ]);
  });

  it("show the one in the list that says most", () => {
    const ref = (type: string) => ({ id: type, type, name: type });
    expect(chiefOf([ref("person"), ref("company")])?.type).toBe("company");
    expect(chiefOf([ref("person"), ref("deal"), ref("company")])?.type).toBe("deal");
    expect(chiefOf([ref("person"), ref("project")])?.type).toBe("project");
    expect(chiefOf([])).toBeUndefined();
  });

  it("are asked for by the address of the inbox", () => {
    expect(emailQuery({ record: "r1" })).toMatchObject({ record_id: "r1", label: undefined, mine: undefined });
  });
});

describe("beside the conversation", () => {
  beforeEach(() => {
    vi.spyOn(HTMLElement.prototype, "clientHeight", "get").mockReturnValue(800);
    vi.spyOn(HTMLElement.prototype, "clientWidth", "get").mockReturnValue(400);
  });
  afterEach(() => vi.restoreAllMocks());

  const show = (change?: (world: World) => void) => {
    const world = live(change);
    const mail = world.mail.find((m) => m.labels.includes("INBOX") && m.thread_count === 1) as Email;
    const asked: string[] = [];
    server.use(
      http.post("*/gmail/emails/:id/link", async ({ request }) => {
        const { record_id } = (await request.json()) as { record_id: string };
        asked.push(`link ${record_id}`);
        const record = world.crm.records.find((r) => r.id === record_id);
        if (record) mail.links = [...mail.links, { ...link(record.type, record.name, "manual"), record }];
        return HttpResponse.json({ links: mail.links }, { status: 201 });
      }),
      http.delete("*/gmail/emails/:id/link/:record", ({ params }) => {
        asked.push(`unlink ${String(params.record)}`);
        mail.links = mail.links.filter((l) => l.record.id !== params.record);
        return new HttpResponse(null, { status: 204 });
      }),
    );
    renderPage(
      <Suspense>
        <InboxPage />
      </Suspense>,
      { path: "/crm/inbox", at: `/crm/inbox?thread=${mail.gmail_thread_id}` },
    );
    return { world, mail, asked };
  };
  const panel = () => screen.findByRole("region", { name: "Records" });

  it("a sender who is not known becomes a person", async () => {
    const { world, mail } = show();
    fireEvent.click(await within(await panel()).findByRole("button", { name: "Create a person" }));
    await waitFor(() =>
      expect(world.crm.records.some((r) => r.emails.some((e) => e.value === mail.from_email))).toBe(true),
    );
  });

  it("a record is taken away, and comes back", async () => {
    const { world, mail, asked } = show();
    const [first] = world.crm.records;
    if (!first) throw new Error("no record");
    mail.links = [
      { ...link("person", first.name, "address"), record: { id: first.id, type: "person", name: first.name } },
    ];
    const list = await panel();
    expect(await within(list).findByText(`${first.name} by address`)).toBeDefined();
    fireEvent.click(within(list).getByRole("button", { name: `Take the conversation from ${first.name}` }));
    await waitFor(() => expect(asked).toEqual([`unlink ${first.id}`]));
    fireEvent.click(await screen.findByRole("button", { name: /^Undo/ }));
    await waitFor(() => expect(asked).toEqual([`unlink ${first.id}`, `link ${first.id}`]));
  });
});
