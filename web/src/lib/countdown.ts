/** How long is left, in words that fit a sentence. */
export function left(iso: string, now = new Date()): string {
  const seconds = Math.round((new Date(iso).getTime() - now.getTime()) / 1000);
  if (seconds <= 0) return "now";
  if (seconds < 90) return `in ${seconds} s`;
  if (seconds < 90 * 60) return `in ${Math.round(seconds / 60)} min`;
  if (seconds < 36 * 3600) return `in ${Math.round(seconds / 3600)} h`;
  return `in ${Math.round(seconds / 86_400)} days`;
}

/** The date of something to come: "today 14:05", "tomorrow 14:05", "Thu 26 Nov, 14:05". */
export function comingDate(iso: string, now = new Date()): string {
  const t = new Date(iso);
  const clock = t.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  const day = (d: Date) => new Date(d.getFullYear(), d.getMonth(), d.getDate()).getTime();
  const days = Math.round((day(t) - day(now)) / 86_400_000);
  if (days === 0) return `today ${clock}`;
  if (days === 1) return `tomorrow ${clock}`;
  const date = t.toLocaleDateString("en-GB", { weekday: "short", day: "numeric", month: "short" });
  return t.getFullYear() === now.getFullYear() ? `${date}, ${clock}` : `${date} ${t.getFullYear()}, ${clock}`;
}
