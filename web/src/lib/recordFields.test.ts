import { describe, expect, it } from "vitest";
import { blank, makeRecords } from "@/testing/recordSample";
import {
  contentOf,
  dayText,
  doubt,
  draftOfMoney,
  type Field,
  fieldsOf,
  minorOf,
  money,
  moneyOf,
  patchOf,
  secondLine,
  textOf,
  withValue,
} from "./recordFields";
import type { ObjectType } from "./records";

const now = new Date("2026-11-21T12:00:00Z");
const [person] = makeRecords(now);
const field = (type: string, key: string, object?: ObjectType): Field => {
  const found = fieldsOf(type, object).find((f) => f.key === key);
  if (!found) throw new Error(`no field ${key}`);
  return found;
};

const project: ObjectType = {
  id: "o1",
  key: "project",
  name: "Project",
  plural: "Projects",
  icon: "box",
  standard: false,
  count: 0,
  fields: [
    { key: "budget", name: "Budget", type: "money", currency: "CHF" },
    { key: "phase", name: "Phase", type: "select", options: ["Idea", "Building"] },
    { key: "start", name: "Start", type: "date" },
  ],
};

describe("the fields of a type", () => {
  it("begin with the name, and have the type's own before the times", () => {
    const keys = fieldsOf("person", { ...project, key: "person" }).map((f) => f.key);
    expect(keys[0]).toBe("name");
    expect(keys.indexOf("budget")).toBeGreaterThan(keys.indexOf("class"));
    expect(keys.indexOf("budget")).toBeLessThan(keys.indexOf("last_at"));
  });

  it("of a type of the workspace's own are the name, its fields, owner and tags", () => {
    const keys = fieldsOf("project", project).map((f) => f.key);
    expect(keys.slice(0, 6)).toEqual(["name", "budget", "phase", "start", "owner", "tags"]);
    expect(field("project", "phase", project).filter).toBe("field.phase");
    expect(field("project", "start", project).sort).toBe("start");
  });
});

describe("changes are sent", () => {
  it.each([
    ["person", "title", "Buyer", { title: "Buyer" }],
    ["person", "title", undefined, { title: null }],
    ["person", "owner", { id: "u1", name: "Mara" }, { owner_id: "u1" }],
    ["person", "owner", undefined, { owner_id: null }],
    ["person", "company", { id: "c", type: "company", name: "Alpwind" }, { company_id: "c" }],
    ["person", "tags", [{ id: "t1", name: "a", colour: "", mine: false }], { tag_ids: ["t1"] }],
    ["person", "class", "vendor", { class: { name: "vendor" } }],
    ["person", "class", undefined, { class: null }],
    ["company", "domains", undefined, { domains: [] }],
    [
      "deal",
      "people",
      [{ person: { id: "p", type: "person", name: "P" } }],
      { people: [{ person_id: "p", role: "" }] },
    ],
  ])("%s %s", (type, key, value, patch) => {
    expect(patchOf(field(type, key), value)).toEqual(patch);
  });

  it("with fields of the type's own under their key", () => {
    expect(patchOf(field("project", "phase", project), "Idea")).toEqual({ fields: { phase: "Idea" } });
    expect(patchOf(field("project", "phase", project), undefined)).toEqual({ fields: { phase: null } });
  });

  it("with numbers as they were written", () => {
    const phones = [{ value: "+49405551000", raw: "040 555 1000", label: "work", primary: true }];
    expect(patchOf(field("person", "phones"), phones)).toEqual({
      phones: [{ value: "040 555 1000", label: "work", primary: true }],
    });
  });
});

describe("before the server answers", () => {
  it("the value stands there, without its old source", () => {
    if (!person) throw new Error("no person");
    expect(person.sources.title).toBeDefined();
    const next = withValue(person, field("person", "title"), "Buyer");
    expect(next.title).toBe("Buyer");
    expect(next.sources.title).toBeUndefined();
    expect(person.title, "the old one is untouched").not.toBe("Buyer");
  });

  it("what is emptied is of its kind", () => {
    const record = blank("deal", "d", now.toISOString());
    expect(withValue(record, field("deal", "amount"), undefined).amount).toBeNull();
    expect(withValue(record, field("deal", "people"), undefined).people).toEqual([]);
    expect(
      contentOf(withValue(record, field("deal", "description"), undefined), field("deal", "description")),
    ).toBeUndefined();
  });
});

describe("amounts", () => {
  it.each([
    ["1200", 120_000],
    ["1,200", 120_000],
    ["1.200", 120_000],
    ["1,200.50", 120_050],
    ["1.200,50", 120_050],
    ["1'200.5", 120_050],
    ["12,5", 1250],
    ["€ 99", 9900],
    ["-3", -300],
    ["1,234,567", 123_456_700],
    ["", undefined],
    ["a lot", undefined],
  ])("%s", (text, minor) => expect(minorOf(text)).toBe(minor));

  it.each([
    ["1200 JPY", 1200, "JPY", "1200", "¥1,200"],
    ["¥ 1,200", 1200, "JPY", "1200", "¥1,200"],
    ["KRW 5.000", 5000, "KRW", "5000", "₩5,000"],
    ["1.234 KWD", 1234, "KWD", "1.234", "KWD 1.234"],
    ["1,234 kwd", 1_234_000, "KWD", "1234", "KWD 1,234"],
    ["2 IQD", 2000, "IQD", "2", "IQD 2"],
    ["1.5 CLF", 15_000, "CLF", "1.5000", "CLF 1.5000"],
    ["3 CHF", 300, "CHF", "3", "CHF 3"],
    ["99.50", 9950, "EUR", "99.50", "€99.50"],
  ])("of a currency: %s", (text, minor, currency, draft, shown) => {
    const usual = text.startsWith("¥") ? "JPY" : "EUR";
    const value = { minor, currency };
    expect(moneyOf(text, usual)).toEqual({ value });
    expect(draftOfMoney(value)).toBe(draft);
    expect(moneyOf(draft, currency)).toEqual({ value });
    expect(money(value).replaceAll("\u00a0", " ")).toBe(shown);
  });

  it("are refused in what is no currency", () => {
    expect(moneyOf("10 ABC", "EUR")).toEqual({ refusal: "ABC is no currency" });
    expect(doubt("money", "10 ABC")).toBe("ABC is no currency");
    expect(doubt("money", "a lot")).toBe("No amount");
    expect(doubt("money", "much")).toBe("No amount");
  });

  it("are written with the cents only where there are some", () => {
    expect(money({ minor: 120_000, currency: "EUR" })).toBe("€1,200");
    expect(money({ minor: 120_050, currency: "EUR" })).toBe("€1,200.50");
    expect(money(null)).toBe("");
    expect(money({ minor: 100, currency: "no" })).toBe("1 no");
  });
});

it("doubts what cannot be", () => {
  expect(doubt("emails", "priya@alpwind.example")).toBeUndefined();
  expect(doubt("emails", "priya at alpwind")).toBe("No e-mail address");
  expect(doubt("phones", "call me")).toBe("No phone number");
  expect(doubt("domains", "https://alpwind.example")).toBe("No domain");
  expect(doubt("number", "3,5")).toBeUndefined();
  expect(doubt("text", "anything")).toBeUndefined();
});

it("says in a line what a record is", () => {
  expect(person && secondLine(person)).toBe("Head of Purchasing at Alpwind");
  expect(person && textOf(person, field("person", "stage"))).toBe("Lead");
  expect(dayText("2026-11-30", now)).toBe("30 Nov");
  expect(dayText("2027-01-03", now)).toBe("3 Jan 2027");
});
