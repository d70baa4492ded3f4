/** The search line: what can be typed next, and how filters and words become one query. */

export interface Suggestion {
  /** The text that replaces the word at the caret. */
  insert: string;
  label: string;
  hint: string;
}

const operators: Suggestion[] = [
  { insert: "from:", label: "from:", hint: "sender" },
  { insert: "to:", label: "to:", hint: "recipient" },
  { insert: "subject:", label: "subject:", hint: "words in the subject" },
  { insert: "has:attachment ", label: "has:attachment", hint: "with a file" },
  { insert: "is:unread ", label: "is:unread", hint: "not read yet" },
  { insert: "is:starred ", label: "is:starred", hint: "with a star" },
  { insert: "label:", label: "label:", hint: "a Gmail label" },
  { insert: "filename:", label: "filename:", hint: "name of a file" },
  { insert: "newer_than:", label: "newer_than:", hint: "7d, 2m, 1y" },
  { insert: "older_than:", label: "older_than:", hint: "7d, 2m, 1y" },
  { insert: "after:", label: "after:", hint: "2026/03/01" },
  { insert: "before:", label: "before:", hint: "2026/03/01" },
  { insert: "cc:", label: "cc:", hint: "copied to" },
];

const values: Record<string, Suggestion[]> = {
  "is:": [
    { insert: "is:unread ", label: "is:unread", hint: "not read yet" },
    { insert: "is:starred ", label: "is:starred", hint: "with a star" },
    { insert: "is:read ", label: "is:read", hint: "already read" },
  ],
  "has:": [{ insert: "has:attachment ", label: "has:attachment", hint: "with a file" }],
  "newer_than:": ["1d", "7d", "1m", "1y"].map((v) => ({
    insert: `newer_than:${v} `,
    label: `newer_than:${v}`,
    hint: span(v),
  })),
  "older_than:": ["7d", "1m", "1y"].map((v) => ({
    insert: `older_than:${v} `,
    label: `older_than:${v}`,
    hint: span(v),
  })),
};

function span(v: string): string {
  const unit = { d: "day", m: "month", y: "year" }[v.slice(-1)] ?? "";
  const n = Number(v.slice(0, -1));
  return n === 1 ? `1 ${unit}` : `${n} ${unit}s`;
}

export interface Known {
  people: { name: string; email: string }[];
  labels: { id: string; name: string; chosen: boolean; total: number }[];
}

/** The word that the caret stands in, and where it begins. */
export function wordAt(text: string, caret: number): { word: string; start: number } {
  const before = text.slice(0, caret);
  let start = 0;
  let quoted = false;
  for (let i = 0; i < before.length; i++) {
    if (before[i] === '"') quoted = !quoted;
    else if (before[i] === " " && !quoted) start = i + 1;
  }
  return { word: before.slice(start), start };
}

const quote = (value: string) => (/\s/.test(value) ? `"${value}"` : value);

/** At most eight things that could stand where the caret is. */
export function suggest(text: string, caret: number, known: Known): Suggestion[] {
  const { word } = wordAt(text, caret);
  const negated = word.startsWith("-") ? "-" : "";
  const typed = word.slice(negated.length).toLowerCase();
  const withSign = (s: Suggestion): Suggestion =>
    negated ? { ...s, insert: negated + s.insert, label: negated + s.label } : s;
  const person = /^(from|to|cc):(.*)$/.exec(typed);
  if (person) return matchPeople(person[1] ?? "", person[2] ?? "", known).map(withSign);
  const label = /^(label|in):(.*)$/.exec(typed);
  if (label) return matchLabels(label[1] ?? "", label[2] ?? "", known).map(withSign);
  for (const [prefix, list] of Object.entries(values)) {
    if (typed.startsWith(prefix))
      return list.filter((s) => s.label.startsWith(typed) && s.label !== typed).map(withSign);
  }
  if (typed === "") return operators.slice(0, 7).map(withSign);
  const matches = operators.filter((s) => s.label.startsWith(typed) && s.label !== typed);
  return [...matches, ...(typed.length > 1 ? matchPeople("from", typed, known).slice(0, 4) : [])]
    .slice(0, 8)
    .map(withSign);
}

function matchPeople(operator: string, part: string, known: Known): Suggestion[] {
  const wanted = part.replace(/^"|"$/g, "");
  return known.people
    .filter((p) => p.email.toLowerCase().includes(wanted) || p.name.toLowerCase().includes(wanted))
    .slice(0, 8)
    .map((p) => ({ insert: `${operator}:${p.email} `, label: `${operator}:${p.email}`, hint: p.name }));
}

function matchLabels(operator: string, part: string, known: Known): Suggestion[] {
  const wanted = part.replace(/^"|"$/g, "");
  return known.labels
    .filter((l) => l.name.toLowerCase().includes(wanted))
    .slice(0, 8)
    .map((l) => ({ insert: `${operator}:${quote(l.name)} `, label: `${operator}:${l.name}`, hint: "" }));
}

/** Puts a suggestion in place of the word at the caret. */
export function complete(text: string, caret: number, s: Suggestion): { text: string; caret: number } {
  const { start } = wordAt(text, caret);
  const rest = text.slice(caret).replace(/^\S*\s?/, "");
  const head = text.slice(0, start) + s.insert;
  return { text: head + rest, caret: head.length };
}

/** The words of the search line and the filters beside it as one query of the API. */
export function queryText(
  words: string | undefined,
  attachment: boolean | undefined,
  starred?: boolean,
): string | undefined {
  const filter = (on: boolean | undefined, operator: string) =>
    on && !new RegExp(`\\b${operator}\\b`).test(words ?? "") ? operator : "";
  const parts = [words?.trim(), filter(attachment, "has:attachment"), filter(starred, "is:starred")];
  return parts.filter(Boolean).join(" ") || undefined;
}

/** What the server offers for all that is typed, as it completes the word at the caret. */
export function fromServer(text: string, caret: number, items: { text: string; hint: string }[]): Suggestion[] {
  const { start } = wordAt(text, caret);
  return items
    .filter((s) => s.text.startsWith(text.slice(0, start)))
    .map(({ text: whole, hint }) => {
      const word = whole.slice(start);
      return { insert: word.endsWith(":") ? word : `${word} `, label: word, hint };
    });
}

/** Both, what is at hand first; each once. */
export function together(own: Suggestion[], more: Suggestion[], most = 8): Suggestion[] {
  const seen = new Set<string>();
  return [...own, ...more].filter((s) => !seen.has(s.label) && seen.add(s.label)).slice(0, most);
}
