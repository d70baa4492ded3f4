/** Times that a message is often sent at, and a time as a field of a form writes it. */
export interface Time {
  label: string;
  at: Date;
}

const at = (day: Date, plus: number, hour: number) =>
  new Date(day.getFullYear(), day.getMonth(), day.getDate() + plus, hour);

export function times(now: Date): Time[] {
  const evening = at(now, 0, 18);
  const monday = ((8 - now.getDay()) % 7 || 7) as number;
  const list: Time[] = [];
  if (evening.getTime() - now.getTime() > 30 * 60_000) list.push({ label: "This evening", at: evening });
  list.push({ label: "Tomorrow morning", at: at(now, 1, 8) });
  list.push({ label: "Tomorrow afternoon", at: at(now, 1, 13) });
  if (monday > 1) list.push({ label: "Monday morning", at: at(now, monday, 8) });
  return list;
}

const two = (n: number) => String(n).padStart(2, "0");

/** For <input type="datetime-local">, in the reader's zone. */
export const fieldValue = (t: Date): string =>
  `${t.getFullYear()}-${two(t.getMonth() + 1)}-${two(t.getDate())}T${two(t.getHours())}:${two(t.getMinutes())}`;

/** "tomorrow, 08:00", "Mon 3 Mar, 08:00". */
export function ahead(t: Date, now = new Date()): string {
  const clock = `${two(t.getHours())}:${two(t.getMinutes())}`;
  const days = Math.round((at(t, 0, 0).getTime() - at(now, 0, 0).getTime()) / 86_400_000);
  if (days === 0) return `today, ${clock}`;
  if (days === 1) return `tomorrow, ${clock}`;
  const said = (part: Intl.DateTimeFormatOptions) => t.toLocaleDateString("en-GB", part);
  const day = `${said({ weekday: "short" })} ${said({ day: "numeric", month: "short" })}`;
  return `${day}${t.getFullYear() === now.getFullYear() ? "" : ` ${t.getFullYear()}`}, ${clock}`;
}
