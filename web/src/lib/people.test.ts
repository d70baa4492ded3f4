import { expect, it } from "vitest";
import { firstName, identityHue, initials, namesIn, parseAddress, recipients } from "./people";

it.each([
  ["Mara Lindqvist", "m@x.example", "ML"],
  ["", "no-reply@parcelpost.example", "NR"],
  [undefined, "billing@x.example", "B"],
  ["Élodie de la Tour", "e@x.example", "ÉT"],
  ["(???)", "q@x.example", "?"],
  ["Mara Lindqvist (you)", "m@x.example", "ML"],
  ["(you)", "m@x.example", "Y"],
])("initials of %s <%s> are %s", (name, email, text) => expect(initials(name, email)).toBe(text));

it.each([
  ["Mara Lindqvist", "Mara"],
  ["Lindqvist, Mara", "Mara"],
  ["", "m.l"],
])("the first name of %s is %s", (name, text) => expect(firstName(name, "m.l@x.example")).toBe(text));

it.each([
  ["Mara L <m@x.example>", "Mara L", "m@x.example"],
  ['"L, Mara" <m@x.example>', "L, Mara", "m@x.example"],
  ["m@x.example", "", "m@x.example"],
])("reads %s", (text, name, email) => expect(parseAddress(text)).toEqual({ name, email }));

it("gives an address always the same colour, whatever its case", () => {
  expect(identityHue("Mara@X.example")).toBe(identityHue("mara@x.example"));
  expect(new Set(["a@x.example", "b@x.example", "c@x.example", "d@x.example"].map(identityHue)).size).toBeGreaterThan(
    1,
  );
});

it("names those a message went to, as far as names are known", () => {
  const names = namesIn([
    { from_name: "Priya Raman", from_email: "Priya@x.example" },
    { from_name: "", from_email: "q@x.example" },
    { from_name: "Somebody Else", from_email: "priya@x.example" },
  ]);
  expect(recipients(["priya@x.example"], names)).toBe("Priya Raman");
  expect(recipients(["q@x.example"], names)).toBe("q@x.example");
  expect(recipients(["priya@x.example", "q@x.example", "Jonas Okafor <j@x.example>"], names)).toBe(
    "Priya, q@x.example, Jonas",
  );
  expect(recipients([], names)).toBe("");
});
