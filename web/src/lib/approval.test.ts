import { describe, expect, it } from "vitest";
import { makeOrganisation } from "../testing/adminSample";
import { adminMessage, changeMeans, cleanDomain, draftChange, draftOf, products, scopesFor, steps } from "./approval";
import { shortScope } from "./scopes";

const saved = makeOrganisation(new Date("2026-03-12T10:00:00Z")).approval;

describe("a draft of the decision", () => {
  it("is no change until it differs", () => {
    expect(draftChange(draftOf(saved), saved)).toBeUndefined();
    expect(draftChange({ ...draftOf(saved), products: ["calendar", "gmail"] }, saved)).toBeUndefined();
  });

  it("carries only what differs", () => {
    expect(draftChange({ ...draftOf(saved), allowed_domains: [] }, saved)).toEqual({ allowed_domains: [] });
    expect(draftChange({ ...draftOf(saved), products: ["gmail"] }, saved)).toEqual({ products: ["gmail"] });
  });

  it("says all products by none, so that later ones are included", () => {
    expect(draftChange({ ...draftOf(saved), products: products("full") }, saved)).toEqual({ products: [] });
    expect(draftOf({ ...saved, products: [] }).products).toEqual(products("full"));
  });

  it("never keeps a product that the new profile does not offer", () => {
    const draft = { ...draftOf(saved), scope_profile: "metadata" as const, products: ["gmail", "sheets"] };
    expect(draftChange(draft, saved)).toEqual({ scope_profile: "metadata", products: ["gmail"] });
  });

  it("says what it means for those who are connected", () => {
    expect(changeMeans({ scope_profile: "metadata" }, saved).join()).toContain("ask for less");
    expect(changeMeans({ scope_profile: "full" }, { ...saved, scope_profile: "read" }).join()).toContain(
      "new permissions",
    );
    expect(changeMeans({ allowed_domains: ["a.example"] }, saved).join()).toContain("other domains");
    expect(changeMeans({ allowed_domains: ["a.example"] }, saved).join()).toContain("a.example counts as your own");
    const known = { ...saved, allowed_domains: ["a.example", "b.example"] };
    expect(changeMeans({ allowed_domains: ["a.example"] }, known).join()).not.toContain("your own");
  });
});

it.each<[Parameters<typeof scopesFor>[0], string[], string[]]>([
  ["metadata", [], ["gmail.metadata", "calendar.readonly", "admin.directory.user.readonly"]],
  ["read", ["gmail"], ["gmail.readonly"]],
  ["full", ["calendar", "meet"], ["calendar", "calendar.events", "meetings.space.created"]],
  ["metadata", ["contacts"], []],
])("%s with %j asks for %j", (profile, chosen, scopes) => {
  expect(scopesFor(profile, chosen).map(shortScope)).toEqual(scopes);
});

it.each([
  ["Northwind-Lamps.example", "northwind-lamps.example"],
  ["@northwind-lamps.example", "northwind-lamps.example"],
  ["mara@northwind-lamps.example", "northwind-lamps.example"],
  ["https://northwind-lamps.example/contact", "northwind-lamps.example"],
  ["bücher.example", "bücher.example"],
  ["northwind", undefined],
  ["-bad.example", undefined],
  ["a b.example", undefined],
  ["1.2.3.4", undefined],
  ["", undefined],
])("the domain in %j is %j", (text, domain) => {
  expect(cleanDomain(text)).toBe(domain);
});

it("writes what Google's administrator has to do", () => {
  const text = adminMessage(saved, "Northwind Lamps");
  expect(text).toContain("Security > Access and data control > API controls > Manage third-party app access");
  expect(text).toContain("481516234200-lamps.apps.googleusercontent.com");
  expect(text).toContain("- https://www.googleapis.com/auth/gmail.modify");
  expect(steps("A → B > C")).toEqual(["A", "B", "C"]);
});
