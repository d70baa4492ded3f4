/** What of a search was not understood, said before somebody believes that there is nothing. Pure. */

export interface Doubt {
  /** As it was typed. */
  term: string;
  /** One sentence. */
  message: string;
  /** What to put in its place. */
  instead?: string;
  /** What would help is in the settings of the import. */
  settings?: boolean;
}

interface KnownLabel {
  id: string;
  name: string;
  chosen: boolean;
  total: number;
}

const names = [
  ..."from to cc bcc subject label in is has filename before after older newer older_than newer_than".split(" "),
  ..."rfc822msgid larger smaller larger_than smaller_than size category l".split(" "),
];

const values: Record<string, string[]> = {
  is: ["unread", "read", "starred", "important", "sent", "inbox", "draft", "chat"],
  has: ["attachment", "attachments", "star", "yellow-star"],
  category: ["primary", "social", "promotions", "updates", "forums"],
};
const told: Record<string, string> = {
  is: "unread, read, starred or important",
  has: "attachment or star",
  category: "primary, social, promotions, updates or forums",
};

const places: Record<string, string> = {
  inbox: "INBOX",
  sent: "SENT",
  spam: "SPAM",
  junk: "SPAM",
  trash: "TRASH",
  bin: "TRASH",
  draft: "DRAFT",
  drafts: "DRAFT",
  chat: "CHAT",
  chats: "CHAT",
  important: "IMPORTANT",
};
const flags = ["anywhere", "any", "starred", "unread", "read", "archive"];
const rarely: Record<string, string> = {
  SPAM: "Spam is",
  TRASH: "The bin is",
  DRAFT: "Drafts are",
  CHAT: "Chats are",
};

/** Every term with an operator that will not do what it seems to ask for. */
export function doubts(query: string | undefined, labels: KnownLabel[]): Doubt[] {
  const found: Doubt[] = [];
  for (const { term, name, value } of operatorsOf(query ?? "")) {
    const doubt = judge(term, name, value, labels);
    if (doubt) found.push(doubt);
  }
  return found;
}

function operatorsOf(query: string): { term: string; name: string; value: string }[] {
  const all = /"[^"]*"?|[-!+({]*([a-z_][a-z_0-9]*):("[^"]*"?|[^\s(){}"]*)|[^\s"]+/gi;
  return [...query.matchAll(all)].flatMap(([whole, name, value]) => {
    if (name === undefined || value === undefined) return [];
    const bare = value.replace(/"/g, "").trim();
    return bare && !bare.startsWith("//") ? [{ term: whole.replace(/^[-!+({]+/, ""), name, value: bare }] : [];
  });
}

function judge(term: string, typed: string, value: string, labels: KnownLabel[]): Doubt | undefined {
  const name = typed.toLowerCase();
  if (!names.includes(name)) {
    const near = nearest(name, names);
    return {
      term,
      message: `“${typed}:” is no search operator, so it was searched as words.`,
      instead: near && `${near}:${quoted(value)}`,
    };
  }
  const among = values[name];
  if (among) {
    if (among.includes(value.toLowerCase())) return undefined;
    const near = nearest(value.toLowerCase(), among);
    return {
      term,
      message: near
        ? `“${term}” was not understood, so it was searched as words.`
        : `“${term}” was not understood. After ${name}: comes ${told[name]}.`,
      instead: near && `${name}:${near}`,
    };
  }
  if (name === "in" || name === "label" || name === "l") return place(term, name, value, labels);
  return measure(term, name, value);
}

function place(term: string, name: string, value: string, labels: KnownLabel[]): Doubt | undefined {
  if (labels.length === 0 || (name === "in" && flags.includes(value.toLowerCase()))) return undefined;
  const id = (name === "in" ? places[value.toLowerCase()] : undefined) ?? value;
  const label = labels.find((l) => same(l.id, id) || same(l.name, id));
  const rare = rarely[(label?.id ?? id).toUpperCase()];
  if (rare && !(label && (label.chosen || label.total > 0))) {
    return { term, message: `${rare} not imported, so nothing is found there.`, settings: true };
  }
  if (label || (name === "in" && places[value.toLowerCase()])) return undefined;
  const near = nearest(
    value.toLowerCase(),
    labels.map((l) => l.name),
  );
  return { term, message: `There is no label “${value}” here.`, instead: near && `${name}:${quoted(near)}` };
}

/** Gmail writes a label in a search with hyphens for what stands between its words. */
const same = (a: string, b: string) =>
  a.toLowerCase().replace(/[\s/]+/g, "-") === b.toLowerCase().replace(/[\s/]+/g, "-");

const day = /^(\d{9,}|\d{4}([/.-]\d{1,2}){0,2}|\d{1,2}[/.-]\d{1,2}[/.-]\d{4}|today|yesterday)$/i;

function measure(term: string, name: string, value: string): Doubt | undefined {
  const say = (how: string) => ({ term, message: `“${term}” was not understood. Write ${how}.` });
  if (/^(before|after|older|newer)$/.test(name)) return day.test(value) ? undefined : say(`${name}:2026/03/01`);
  if (/_than$/.test(name) && /^(older|newer)/.test(name))
    return /^\d+[hdwmy]$/i.test(value) ? undefined : say(`${name}:7d, ${name}:2m or ${name}:1y`);
  if (/^(larger|smaller|size)/.test(name))
    return /^\d+([KMG]B?|B)?$/i.test(value) ? undefined : say(`${name}:500K or ${name}:10M`);
  return undefined;
}

const quoted = (value: string) => (/\s/.test(value) ? `"${value}"` : value);

/** The likeliest of the words, if one is near enough. */
export function nearest(typed: string, among: string[]): string | undefined {
  const limit = typed.length < 4 ? 1 : typed.length < 8 ? 2 : 3;
  let best: string | undefined;
  let least = limit + 1;
  for (const word of among) {
    const far = distance(typed, word.toLowerCase());
    if (far < least) [best, least] = [word, far];
  }
  return best;
}

/** How many letters are wrong, missing, too many or swapped. */
function distance(a: string, b: string): number {
  const row = (i: number) => Array.from({ length: b.length + 1 }, (_, j) => (i === 0 ? j : j === 0 ? i : 0));
  const table = Array.from({ length: a.length + 1 }, (_, i) => row(i));
  const at = (i: number, j: number) => table[i]?.[j] ?? 0;
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const wrong = a[i - 1] === b[j - 1] ? 0 : 1;
      let least = Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + wrong);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, at(i - 2, j - 2) + 1);
      (table[i] as number[])[j] = least;
    }
  }
  return at(a.length, b.length);
}

/** The last word is an operator whose value cannot be told yet, as in "is:unr": searching would find nothing. */
export function isHalfTyped(query: string, labels: KnownLabel[]): boolean {
  const last = operatorsOf(query).at(-1);
  if (!last || !query.endsWith(last.term) || !names.includes(last.name.toLowerCase())) return false;
  const doubt = judge(last.term, last.name, last.value, labels);
  return doubt !== undefined && !doubt.settings;
}

/** The search with a better term in the place of the doubtful one. */
export const mended = (query: string, doubt: Doubt): string =>
  doubt.instead ? query.replace(doubt.term, () => doubt.instead ?? "") : query;
