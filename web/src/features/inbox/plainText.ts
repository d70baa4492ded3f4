/** Plain mail as a person reads it: what is new, what is quoted, what is only a signature. Pure. */

export interface Passage {
  kind: "text" | "quote" | "signature";
  text: string;
}

const said = "(wrote|schrieb|a écrit|escribió|ha scritto|schreef).{0,80}:\\s*$";
const opened = new RegExp(`^(On|Am|Le|El|Il|Op)\\b.{4,220} ${said}`);
const loose = new RegExp(`^.{2,120} ${said}`);
const original =
  /^\s*-{2,}\s*(Original Message|Forwarded message|Ursprüngliche Nachricht|Message d'origine|Mensaje original)\s*-{2,}\s*$/i;

const isQuoted = (line: string) => /^\s?>/.test(line);

/** Splits a plain body. The passages together are the whole text. */
export function passages(body: string): Passage[] {
  const lines = body.replace(/\r\n?/g, "\n").split("\n");
  const kinds: Passage["kind"][] = new Array(lines.length).fill("text");
  markQuotes(lines, kinds);
  markSignature(lines, kinds);
  return join(lines, kinds);
}

function markQuotes(lines: string[], kinds: Passage["kind"][]) {
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] ?? "";
    if (original.test(line)) {
      kinds.fill("quote", i);
      return;
    }
    if (!isQuoted(line)) continue;
    kinds[i] = "quote";
    let above = i - 1;
    while (above >= 0 && !(lines[above] ?? "").trim()) above--;
    if (above < 0 || kinds[above] !== "text") continue;
    const start = announcement(lines, above);
    if (start >= 0) kinds.fill("quote", start, i);
  }
  // An empty line between two quoted ones belongs to the quote.
  for (let i = 1; i < lines.length - 1; i++) {
    if (!(lines[i] ?? "").trim() && kinds[i - 1] === "quote" && nextFilled(lines, kinds, i) === "quote")
      kinds[i] = "quote";
  }
}

/** The line where "On Monday, Mara wrote:" begins, which may be broken in two; -1 if it is no such thing. */
function announcement(lines: string[], at: number): number {
  const line = (lines[at] ?? "").trim();
  const before = (lines[at - 1] ?? "").trim();
  if (opened.test(line)) return at;
  if (before && opened.test(`${before} ${line}`)) return at - 1;
  return loose.test(line) ? at : -1;
}

function nextFilled(lines: string[], kinds: Passage["kind"][], from: number): Passage["kind"] | undefined {
  for (let i = from; i < lines.length; i++) if ((lines[i] ?? "").trim()) return kinds[i];
  return undefined;
}

function markSignature(lines: string[], kinds: Passage["kind"][]) {
  const start = lines.findIndex((line, i) => kinds[i] === "text" && (line === "-- " || line === "--"));
  if (start < 0) return;
  for (let i = start; i < lines.length && kinds[i] === "text"; i++) kinds[i] = "signature";
}

function join(lines: string[], kinds: Passage["kind"][]): Passage[] {
  const parts: Passage[] = [];
  lines.forEach((line, i) => {
    const kind = kinds[i] ?? "text";
    const last = parts.at(-1);
    if (last?.kind === kind) last.text += `\n${line}`;
    else parts.push({ kind, text: line });
  });
  return parts.filter((p) => p.text.trim() !== "");
}

/** The text is nothing but the line above a quote. */
export const announces = (text: string): boolean => opened.test(text.replace(/\s+/g, " "));

export interface Piece {
  text: string;
  href?: string;
}

const link = /\b(https?:\/\/[^\s<>"']+[^\s<>"'.,;:!?)\]]|[\w.+-]+@[\w-]+(?:\.[\w-]+)+)/g;

/** Text with its addresses as links; only http, https and mailto ever become one. */
export function linked(text: string): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  for (const match of text.matchAll(link)) {
    const found = match[0];
    if (match.index > at) pieces.push({ text: text.slice(at, match.index) });
    pieces.push({ text: found, href: found.startsWith("http") ? found : `mailto:${found}` });
    at = match.index + found.length;
  }
  if (at < text.length) pieces.push({ text: text.slice(at) });
  return pieces;
}
