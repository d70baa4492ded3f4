/** The words of a search in the texts that were found: which they are, and where they stand. Pure. */

const term = /([-!])?(?:([a-z_0-9]+):)?(?:"([^"]*)"?|\(([^)]*)\)?|([^\s"(){}]+))/gi;
const inText = new Set(["from", "to", "cc", "subject", "filename"]);
const elsewhere =
  /^(bcc|label|l|in|is|has|before|after|older|newer|older_than|newer_than|rfc822msgid|larger|smaller|larger_than|smaller_than|size|category)$/i;

/** What a reader would look for in the text of a message: words and phrases, not what was excluded or only filters. */
export function wordsOf(query: string | undefined): string[] {
  const words: string[] = [];
  for (const [, minus, operator, phrase, group, word] of (query ?? "").matchAll(term)) {
    if (minus || (operator && elsewhere.test(operator))) continue;
    const known = operator && inText.has(operator.toLowerCase());
    if (phrase !== undefined) words.push(phrase);
    else if (group !== undefined) words.push(...wordsOf(group));
    else if (word && !/^(OR|AND|\||&&)$/.test(word)) words.push(operator && !known ? `${operator}:${word}` : word);
  }
  return [...new Set(words.map((w) => w.trim().replace(/\s+/g, " ")).filter(Boolean))];
}

export interface Part {
  text: string;
  hit: boolean;
}

/** Letters without case and accents, one for one, so that places stay the same. */
const plain = (text: string): string =>
  Array.from({ length: text.length }, (_, i) => {
    const letter = text[i] ?? "";
    return letter < "\u0080" ? letter.toLowerCase() : (letter.normalize("NFD")[0] ?? letter).toLowerCase()[0];
  }).join("");

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** Words are found where they begin; scripts without spaces between words anywhere. */
function pattern(words: string[]): RegExp | undefined {
  const parts = words.map((word) => {
    const body = plain(word).split(" ").map(escaped).join("\\s+");
    return /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]/u.test(word)
      ? body
      : `(?<![\\p{L}\\p{N}])${body}`;
  });
  return parts.length > 0 ? new RegExp(parts.sort((a, b) => b.length - a.length).join("|"), "gu") : undefined;
}

/** A text cut where the words stand in it. The parts together are the text. */
export function marked(text: string, words: string[]): Part[] {
  const found = pattern(words);
  if (!found || !text) return [{ text, hit: false }];
  const parts: Part[] = [];
  let at = 0;
  for (const match of plain(text).matchAll(found)) {
    if (!match[0]) continue;
    if (match.index > at) parts.push({ text: text.slice(at, match.index), hit: false });
    parts.push({ text: text.slice(match.index, match.index + match[0].length), hit: true });
    at = match.index + match[0].length;
  }
  if (at < text.length) parts.push({ text: text.slice(at), hit: false });
  return parts;
}

export const holds = (text: string, words: string[]): boolean => marked(text, words).some((p) => p.hit);

/** Every one of the words stands in the text. */
export const holdsAll = (text: string, words: string[]): boolean =>
  words.length > 0 && words.every((word) => holds(text, [word]));

/** The text around the first of the words; undefined where none of them stands in it. */
export function excerpt(text: string, words: string[], length = 110): string | undefined {
  const flat = text.replace(/\s+/g, " ").trim();
  const parts = marked(flat, words);
  const first = parts.findIndex((p) => p.hit);
  if (first < 0) return undefined;
  const at = parts.slice(0, first).reduce((n, p) => n + p.text.length, 0);
  const wanted = Math.max(0, at - 32);
  const start = wanted === 0 ? 0 : flat.indexOf(" ", wanted) + 1 || wanted;
  const from = Math.min(start, at);
  return `${from > 0 ? "… " : ""}${flat.slice(from, from + length)}${from + length < flat.length ? " …" : ""}`;
}
