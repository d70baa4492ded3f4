import { expect, it } from "vitest";
import { dateOf, dueGroup, dueText, endOfDay } from "./due";

const now = new Date("2026-11-21T12:00:00"); // a Saturday
const on = (day: string) => new Date(`${day}T23:59:00`).toISOString();

it.each([
  ["2026-11-10", "10 Nov", "bad", "Overdue"],
  ["2026-11-20", "Yesterday", "bad", "Overdue"],
  ["2026-11-21", "Today", "warn", "Today"],
  ["2026-11-22", "Tomorrow", "off", "This week"],
  ["2026-11-25", "Wednesday", "off", "This week"],
  ["2026-12-24", "24 Dec", "off", "Later"],
  ["2027-01-03", "3 Jan 2027", "off", "Later"],
])("a task of %s is due %s", (day, text, tone, group) => {
  expect(dueText(on(day), now)).toEqual({ text, tone });
  expect(dueGroup(on(day), now)).toBe(group);
});

it("a day is a day in the reader's zone, there and back", () => {
  expect(dateOf(endOfDay("2026-11-30"))).toBe("2026-11-30");
  expect(dueGroup(null, now)).toBe("No date");
});
