/** When a task is due, as people say it. Pure. */
import type { Tone } from "./connection";

const day = (t: Date) => new Date(t.getFullYear(), t.getMonth(), t.getDate()).getTime();

/** The day that a moment is on, counted from today: -1 is yesterday. */
export const daysFrom = (iso: string, now = new Date()): number =>
  Math.round((day(new Date(iso)) - day(now)) / 86_400_000);

export function dueText(iso: string, now = new Date()): { text: string; tone: Tone } {
  const days = daysFrom(iso, now);
  const t = new Date(iso);
  const date = t.toLocaleDateString("en-GB", {
    day: "numeric",
    month: "short",
    ...(t.getFullYear() === now.getFullYear() ? {} : { year: "numeric" }),
  });
  if (days < -1) return { text: date, tone: "bad" };
  if (days === -1) return { text: "Yesterday", tone: "bad" };
  if (days === 0) return { text: "Today", tone: "warn" };
  if (days === 1) return { text: "Tomorrow", tone: "off" };
  if (days < 7) return { text: t.toLocaleDateString("en-GB", { weekday: "long" }), tone: "off" };
  return { text: date, tone: "off" };
}

/** Under which heading a task stands. */
export function dueGroup(
  due: string | null,
  now = new Date(),
): "Overdue" | "Today" | "This week" | "Later" | "No date" {
  if (!due) return "No date";
  const days = daysFrom(due, now);
  if (days < 0) return "Overdue";
  if (days === 0) return "Today";
  return days < 7 ? "This week" : "Later";
}

/** The last minute of a day in the viewer's zone: a task is due on a day, not at a time. */
export const endOfDay = (date: string): string => new Date(`${date}T23:59:00`).toISOString();

/** The day of a moment for a date field: "2026-11-30". */
export function dateOf(iso: string): string {
  const t = new Date(iso);
  const two = (n: number) => String(n).padStart(2, "0");
  return `${t.getFullYear()}-${two(t.getMonth() + 1)}-${two(t.getDate())}`;
}
