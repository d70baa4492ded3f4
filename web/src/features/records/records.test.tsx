import { act, fireEvent, screen, waitFor, within } from "@testing-library/react";
import { Suspense } from "react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { fieldsOf } from "@/lib/recordFields";
import type { World } from "@/testing/handlers";
import { recordId } from "@/testing/recordSample";
import { live, renderPage } from "@/testing/render";
import { sums } from "./Board";
import { sourceText } from "./Evidence";
import { readDraft } from "./FieldEditor";
import { targets } from "./ImportDialog";
import { conflicts } from "./MergeDialog";
import { wishOf } from "./NewRecord";
import { RecordPage } from "./RecordPage";
import { PeoplePage } from "./RecordsPage";
import { SuggestionsPage } from "./SuggestionsPage";

// Rows exist only in sight, and nothing has a size here.
beforeEach(() => {
  vi.spyOn(HTMLElement.prototype, "clientHeight", "get").mockReturnValue(800);
  vi.spyOn(HTMLElement.prototype, "clientWidth", "get").mockReturnValue(1400);
});
afterEach(() => vi.restoreAllMocks());

const people = (change?: (world: World) => void) => {
  const world = live(change);
  renderPage(
    <Suspense>
      <PeoplePage />
    </Suspense>,
    { path: "/crm/people" },
  );
  return world.crm;
};

const grid = () => screen.findByRole("grid", { name: "People" });
const cell = async (name: RegExp) => within(await grid()).findByRole("gridcell", { name });
const press = (element: Element, key: string) => fireEvent.keyDown(element, { key });

describe("a table", () => {
  it("changes a value where it stands, and Z takes it back", async () => {
    const crm = people();
    const before = crm.records[0]?.title;
    const title = (await screen.findAllByRole("gridcell", { name: `Title: ${before}` }))[0] as HTMLElement;
    fireEvent.doubleClick(title);
    const line = await screen.findByRole("textbox", { name: "Title" });
    fireEvent.change(line, { target: { value: "Chief Buyer" } });
    press(line, "Enter");
    await cell(/^Title: Chief Buyer$/);
    await waitFor(() => expect(crm.records[0]?.title).toBe("Chief Buyer"));
    press(document.body, "z");
    await waitFor(() => expect(crm.records[0]?.title).toBe(before));
  });

  it("puts a refused value back, and says why", async () => {
    const crm = people((w) => {
      w.crm.refuse = { status: 422, code: "validation_failed", detail: "This title is too long." };
    });
    const before = crm.records[0]?.title;
    fireEvent.doubleClick((await screen.findAllByRole("gridcell", { name: `Title: ${before}` }))[0] as HTMLElement);
    const line = await screen.findByRole("textbox", { name: "Title" });
    fireEvent.change(line, { target: { value: "Much too long" } });
    press(line, "Enter");
    expect(await screen.findByText("This title is too long.")).toBeDefined();
    expect(screen.getByText("Title is as it was before")).toBeDefined();
    expect(screen.queryByRole("gridcell", { name: "Title: Much too long" })).toBeNull();
    expect(crm.records[0]?.title).toBe(before);
  });

  it("deletes what is ticked, and brings it back", async () => {
    const crm = people();
    await grid();
    for (const name of ["Tick Priya Raman", "Tick Jonas Silva"])
      fireEvent.click(screen.getAllByRole("checkbox", { name })[0] as HTMLElement);
    const bar = await screen.findByRole("toolbar", { name: "With the ticked records" });
    expect(within(bar).getByText("2 ticked")).toBeDefined();
    fireEvent.click(within(bar).getByRole("button", { name: "Delete" }));
    await waitFor(() => expect(crm.records.filter((r) => r.deleted_at)).toHaveLength(2));
    expect(await screen.findByText("2 records deleted")).toBeDefined();
    fireEvent.click(screen.getByRole("button", { name: /^Undo/ }));
    await waitFor(() => expect(crm.records.filter((r) => r.deleted_at)).toHaveLength(0));
  });

  it("means all that match where all are ticked", async () => {
    const crm = people();
    await grid();
    fireEvent.click(screen.getByRole("checkbox", { name: "Tick all that are shown" }));
    fireEvent.click(await screen.findByRole("button", { name: "Tick all 320" }));
    const bar = screen.getByRole("toolbar", { name: "With the ticked records" });
    fireEvent.click(within(bar).getByRole("button", { name: "Stage" }));
    fireEvent.click(await screen.findByRole("option", { name: /Former/ }));
    await waitFor(() =>
      expect(crm.records.filter((r) => r.type === "person" && r.stage === "former")).toHaveLength(320),
    );
    expect(
      crm.records.filter((r) => r.type === "deal" && r.stage === "former"),
      "and nothing else",
    ).toHaveLength(0);
  });

  it("asks the server in another order", async () => {
    people();
    await grid();
    act(() => fireEvent.click(screen.getByRole("button", { name: "Name" })));
    await within(await grid()).findAllByRole("link", { name: /Amadou Caduff/ });
    expect(screen.getByRole("columnheader", { name: /Name/ }).getAttribute("aria-sort")).toBe("ascending");
  });
});

describe("the page of a record", () => {
  const open = (change?: (world: World) => void) => {
    const world = live(change);
    renderPage(<RecordPage />, { path: "/crm/records/$record", at: `/crm/records/${recordId(1)}` });
    return world.crm;
  };

  it("shows the line that a value was found in", async () => {
    open();
    const mark = await screen.findByRole("button", { name: "Where title comes from" });
    act(() => mark.focus());
    expect(await screen.findByText("Priya Raman | Head of Purchasing")).toBeDefined();
    expect(screen.getAllByText(/94 % sure/).length).toBeGreaterThan(0);
  });

  it("takes a suggestion, and dismisses another", async () => {
    const crm = open();
    const card = await screen.findByRole("article", { name: "Title: Director of Procurement" });
    expect(within(card).getByText("May have changed job")).toBeDefined();
    fireEvent.click(within(card).getByRole("button", { name: "Accept" }));
    await waitFor(() => expect(crm.records[0]?.title).toBe("Director of Procurement"));
    const other = await screen.findByRole("article", { name: /^Phone:/ });
    fireEvent.click(within(other).getByRole("button", { name: "Dismiss" }));
    await waitFor(() => expect(crm.suggestions.find((s) => s.id === "s2")?.state).toBe("dismissed"));
    await waitFor(() => expect(screen.queryByRole("article", { name: /^Phone:/ })).toBeNull());
  });

  it("keeps a note", async () => {
    const crm = open();
    const area = await screen.findByRole("textbox", { name: "Write a note" });
    fireEvent.change(area, { target: { value: "Likes brass" } });
    fireEvent.click(await screen.findByRole("button", { name: "Save the note" }));
    await waitFor(() => expect(crm.notes[0]?.text).toBe("Likes brass"));
    expect(await screen.findByText("Likes brass")).toBeDefined();
  });

  it("deletes and brings back", async () => {
    const crm = open((w) => {
      const [first] = w.crm.records;
      if (first) first.deleted_at = new Date().toISOString();
    });
    fireEvent.click(await screen.findByRole("button", { name: "Restore" }));
    await waitFor(() => expect(crm.records[0]?.deleted_at).toBeNull());
    expect(await screen.findByRole("button", { name: "Find details" })).toBeDefined();
  });
});

it("suggestions of others' mail come without the line", async () => {
  live((w) => {
    w.crm.suggestions = w.crm.suggestions.slice(0, 1).map((s) => ({ ...s, line: "", email_id: "" }));
  });
  renderPage(<SuggestionsPage />, { path: "/crm/suggestions" });
  expect(await screen.findByText("In mail that you may not read.")).toBeDefined();
  expect(screen.queryByRole("button", { name: /Open the message/ })).toBeNull();
});

describe("parts", () => {
  const world = live().crm;
  const [a, b] = world.records;

  it("sums stand by currency", () => {
    const deals = world.records.filter((r) => r.type === "deal").slice(0, 2);
    const [x, y] = deals.map((d, i) => ({ ...d, amount: { minor: 10_000 * (i + 1), currency: i ? "CHF" : "EUR" } }));
    expect(x && y && sums([x, x, y])).toBe("€200 + CHF\u00a0200");
    expect(sums([])).toBe("");
  });

  it("only what differs in both is to be chosen when two become one", () => {
    if (!a || !b) throw new Error("no records");
    const fields = fieldsOf("person");
    const found = conflicts({ ...a, linkedin: "" }, { ...b, linkedin: "https://linkedin.com/in/x" }, fields);
    expect(found.map((f) => f.key)).toContain("title");
    expect(found.map((f) => f.key)).not.toContain("linkedin");
    expect(found.map((f) => f.key)).not.toContain("emails");
    expect(conflicts(a, a, fields)).toEqual([]);
  });

  it("a new record sends what was filled in, and refuses what cannot be", () => {
    const fields = fieldsOf("person");
    const made = wishOf(
      "person",
      fields,
      { stage: "lead", owner: { id: "u1", name: "Mara" } },
      { name: " Priya ", emails: "p@x.example; q@x.example" },
    );
    expect(made.refused).toEqual({});
    expect(made.wish).toMatchObject({ type: "person", name: "Priya", stage: "lead", owner_id: "u1" });
    expect(made.wish.emails?.map((e) => [e.value, e.primary])).toEqual([
      ["p@x.example", true],
      ["q@x.example", false],
    ]);
    expect(wishOf("person", fields, {}, { emails: "nobody" }).refused).toEqual({
      name: "Name is needed",
      emails: "No e-mail address",
    });
  });

  it("what is typed becomes a value of its kind", () => {
    const amount = fieldsOf("deal").find((f) => f.key === "amount");
    if (!amount) throw new Error("no amount");
    expect(readDraft(amount, "1.200,50", undefined).value).toEqual({ minor: 120_050, currency: "EUR" });
    expect(readDraft(amount, "3", { minor: 1, currency: "CHF" }).value).toEqual({ minor: 300, currency: "CHF" });
    expect(readDraft(amount, "1200 jpy", { minor: 1, currency: "CHF" }).value).toEqual({
      minor: 1200,
      currency: "JPY",
    });
    expect(readDraft(amount, "5 XYZ", undefined).refusal).toBe("XYZ is no currency");
    expect(readDraft(amount, "much", undefined).refusal).toBe("No amount");
    expect(readDraft(amount, " ", undefined)).toEqual({ value: undefined });
  });

  it("who typed a value is named", () => {
    const at = "2026-05-04T09:00:00Z";
    expect(sourceText({ by: "member", user_id: "u2", name: "Daniel Osei", at })).toMatch(/^Typed by Daniel Osei, /);
    expect(sourceText({ by: "member", at })).toMatch(/^Typed by a member, /);
    expect(sourceText({ by: "api", at })).toMatch(/^By a program, /);
  });

  it("columns of a file become fields, or are left out", () => {
    const known = targets(fieldsOf("person")).map((t) => t.value);
    expect(known).toContain("email");
    expect(known).toContain("-");
    expect(known).not.toContain("created_at");
  });
});
