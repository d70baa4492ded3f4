import { describe, expect, it } from "vitest";
import { fieldsOf } from "./recordFields";
import {
  columnsOf,
  direction,
  filtersOf,
  isFiltered,
  isView,
  moved,
  nextSort,
  queryOf,
  recordsSearch,
  views,
} from "./recordView";

const fields = fieldsOf("person");
const field = (key: string) => {
  const found = fields.find((f) => f.key === key);
  if (!found) throw new Error(key);
  return found;
};

describe("the address of a table", () => {
  it("keeps what it knows, and fields of the type's own", () => {
    expect(
      recordsSearch({
        q: "priya",
        stage: "lead",
        "field.phase": "Idea",
        deleted: "true",
        layout: "board",
        other: "x",
        open: "x",
      }),
    ).toEqual({ q: "priya", stage: "lead", "field.phase": "Idea", deleted: true, layout: "board" });
  });

  it("asks the API for records, and not for what belongs to the page", () => {
    expect(queryOf("deal", { stage: "won", layout: "board", view: "v1", open: "new" })).toEqual({
      type: "deal",
      stage: "won",
      sort: "-last_at",
    });
    expect(queryOf("person", { sort: "name", q: "x" })).toEqual({ type: "person", sort: "name", q: "x" });
  });

  it("tells filters from words and order", () => {
    const search = { q: "x", sort: "name", owner_id: "me", "field.phase": "Idea" } as const;
    expect(filtersOf(search)).toEqual([
      ["owner_id", "me"],
      ["field.phase", "Idea"],
    ]);
    expect(isFiltered({ sort: "name", layout: "board" })).toBe(false);
    expect(isFiltered({ q: "x" })).toBe(true);
  });
});

describe("the order", () => {
  it("goes up, down and back to the usual one; times begin with the newest", () => {
    const name = field("name");
    expect(nextSort(name, undefined)).toBe("name");
    expect(nextSort(name, "name")).toBe("-name");
    expect(nextSort(name, "-name")).toBeUndefined();
    const last = field("last_at");
    expect(nextSort(last, undefined)).toBe("-last_at");
    expect(direction(last, "-last_at")).toBe("descending");
    expect(direction(name, "-last_at")).toBe("none");
  });
});

describe("columns", () => {
  it("begin with the name, whatever was chosen, and leave out what is gone", () => {
    expect(columnsOf(fields, ["title", "gone", "emails"]).map((f) => f.key)).toEqual(["name", "title", "emails"]);
    expect(columnsOf(fields, undefined).every((f) => f.shown)).toBe(true);
    expect(columnsOf(fields, []).map((f) => f.key)).toEqual(["name"]);
  });

  it("move by one place, and not beyond the ends", () => {
    expect(moved(["a", "b", "c"], "b", -1)).toEqual(["b", "a", "c"]);
    expect(moved(["a", "b", "c"], "c", 1)).toEqual(["a", "b", "c"]);
    expect(moved(["a", "b"], "x", 1)).toEqual(["a", "b"]);
  });
});

describe("views", () => {
  it("are kept for this workspace and type", () => {
    views.write("w", "person", [{ id: "1", name: "Leads", search: { stage: "lead" } }]);
    expect(views.read("w", "person")).toHaveLength(1);
    expect(views.read("w", "deal")).toEqual([]);
    expect(views.read("other", "person")).toEqual([]);
  });

  it("are themselves until filters, order or columns differ", () => {
    const view = { id: "1", name: "Leads", search: { stage: "lead" }, columns: ["title"] };
    expect(isView(view, { stage: "lead", view: "1", open: "new" }, ["title"])).toBe(true);
    expect(isView(view, { stage: "lead", sort: "name", view: "1" }, ["title"])).toBe(false);
    expect(isView(view, { stage: "lead", view: "1" }, undefined)).toBe(false);
  });
});
