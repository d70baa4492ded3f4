import { expect, it } from "vitest";
import type { Label } from "@/lib/types";
import { arranged, titled } from "./LabelMenu";

const label = (id: string, name = id, more: Partial<Label> = {}): Label => ({
  id,
  name,
  type: name === id ? "system" : "user",
  color: "",
  text_color: "",
  off: "",
  chosen: false,
  total: 3,
  unread: 0,
  ...more,
});

it("stand in the order in which people look for them", () => {
  const { main, rare, own, categories } = arranged([
    label("CATEGORY_UPDATES"),
    label("CATEGORY_PERSONAL"),
    label("IMPORTANT"),
    label("Label_3", "Suppliers"),
    label("INBOX"),
    label("Label_2", "Customers/Hotels"),
    label("Label_1", "Customers"),
    label("SENT"),
    label("SPAM", "SPAM", { total: 0 }),
    label("TRASH"),
    label("STARRED"),
    label("UNREAD"),
  ]);
  expect(main.map((l) => l.id)).toEqual(["INBOX", "STARRED", "SENT", "IMPORTANT"]);
  expect(rare).toEqual([]); // drafts, spam and trash are always there
  expect(own.map((o) => [o.name, o.depth])).toEqual([
    ["Customers", 0],
    ["Hotels", 1],
    ["Suppliers", 0],
  ]);
  expect(categories.map((l) => titled(l.name))).toEqual(["Primary", "Updates"]);
});

it("have names as people write them", () => {
  expect(titled("INBOX")).toBe("Inbox");
  expect(titled("CATEGORY_PROMOTIONS")).toBe("Promotions");
  expect(titled("Big projects")).toBe("Big projects");
});
