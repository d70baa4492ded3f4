/** Numbers, sizes and times as people say them. All times in the viewer's zone. */

const number = new Intl.NumberFormat("en");

export const count = (n: number): string => number.format(n);

/** "1 message", "1,200 messages". */
export const plural = (n: number, one: string, many = `${one}s`): string => `${count(n)} ${n === 1 ? one : many}`;

export function bytes(n: number): string {
  if (n < 1024) return `${n} B`;
  const units = ["KB", "MB", "GB"];
  let value = n / 1024;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

const startOfDay = (t: Date) => new Date(t.getFullYear(), t.getMonth(), t.getDate()).getTime();
const daysBetween = (a: Date, b: Date) => Math.round((startOfDay(b) - startOfDay(a)) / 86_400_000);
const clock = (t: Date) => t.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
const dayMonth = (t: Date) => t.toLocaleDateString("en-GB", { day: "numeric", month: "short" });

/** For a narrow column: "14:05", "Tue", "3 Mar", "3 Mar 2023". */
export function shortDate(iso: string, now = new Date()): string {
  const t = new Date(iso);
  const days = daysBetween(t, now);
  if (days === 0) return clock(t);
  if (days === 1) return "Yesterday";
  if (days > 1 && days < 7) return t.toLocaleDateString("en-GB", { weekday: "short" });
  return t.getFullYear() === now.getFullYear() ? dayMonth(t) : `${dayMonth(t)} ${t.getFullYear()}`;
}

/** In a sentence or a header: "today 14:05", "Tue 14:05", "3 Mar 14:05". */
export function longDate(iso: string, now = new Date()): string {
  const t = new Date(iso);
  const days = daysBetween(t, now);
  if (days === 0) return `today ${clock(t)}`;
  if (days === 1) return `yesterday ${clock(t)}`;
  if (days > 1 && days < 7) return `${t.toLocaleDateString("en-GB", { weekday: "short" })} ${clock(t)}`;
  return t.getFullYear() === now.getFullYear()
    ? `${dayMonth(t)}, ${clock(t)}`
    : `${dayMonth(t)} ${t.getFullYear()}, ${clock(t)}`;
}

/** For a tooltip: everything. */
export const exactDate = (iso: string): string =>
  new Date(iso).toLocaleString("en-GB", { dateStyle: "full", timeStyle: "long" });

/** "just now", "12 s ago", "4 min ago", "3 h ago", then the date. */
export function ago(iso: string, now = new Date()): string {
  const seconds = Math.round((now.getTime() - new Date(iso).getTime()) / 1000);
  if (seconds < 3) return "just now";
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  return longDate(iso, now);
}

/** A length of time to expect: "a few seconds", "about 40 s", "about 4 min". */
export function roughly(seconds: number): string {
  if (seconds < 5) return "a few seconds";
  if (seconds < 90) return `about ${Math.round(seconds / 5) * 5} s`;
  if (seconds < 5400) return `about ${Math.round(seconds / 60)} min`;
  return `about ${Math.round(seconds / 3600)} h`;
}

/** How long something took: "0.8 s", "12 s", "3 min 20 s". */
export function took(fromIso: string, toIso: string): string {
  const seconds = (new Date(toIso).getTime() - new Date(fromIso).getTime()) / 1000;
  if (seconds < 10) return `${Math.max(0, seconds).toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}
