/** Names, initials and identity colours of people. */

export const displayName = (name: string | undefined, email: string): string => name?.trim() || email;

/** The first name for a tight place; the part before the at-sign where no name is known. */
export function firstName(name: string | undefined, email: string): string {
  const trimmed = name?.trim();
  if (!trimmed) return email.split("@")[0] ?? email;
  const plain = trimmed.includes(",") ? (trimmed.split(",")[1] ?? trimmed).trim() : trimmed;
  return plain.split(/\s+/)[0] ?? trimmed;
}

export function initials(name: string | undefined, email: string): string {
  // What stands in brackets is a remark and no name: "Mara Lindqvist (you)".
  const bare = name?.replace(/\([^)]*[\p{L}\p{N}][^)]*\)/gu, " ").trim();
  const words = (bare || name?.trim() || email.split("@")[0] || "?")
    .replace(/[^\p{L}\p{N}\s._-]/gu, "")
    .split(/[\s._-]+/)
    .filter(Boolean);
  const first = words[0]?.[0] ?? "?";
  const last = words.length > 1 ? (words[words.length - 1]?.[0] ?? "") : "";
  return (first + last).toUpperCase();
}

/** One of eight soft colours, always the same for an address. */
export function identityHue(email: string): number {
  let hash = 0;
  for (const char of email.toLowerCase()) hash = (hash * 31 + char.charCodeAt(0)) | 0;
  return Math.abs(hash) % 8;
}

/** Splits `Name <address>`; a bare address has no name. */
export function parseAddress(text: string): { name: string; email: string } {
  const match = /^\s*"?([^"<]*?)"?\s*<([^>]+)>\s*$/.exec(text);
  if (match?.[2]) return { name: (match[1] ?? "").trim(), email: match[2].trim() };
  return { name: "", email: text.trim() };
}

/** Names by address, in small letters. */
export type Names = ReadonlyMap<string, string>;

/** The names under which people wrote; the first that is given for an address wins. */
export function namesIn(items: Iterable<{ from_name: string; from_email: string }>): Map<string, string> {
  const names = new Map<string, string>();
  for (const { from_name, from_email } of items) {
    const key = from_email.toLowerCase();
    if (from_name.trim() && !names.has(key)) names.set(key, from_name.trim());
  }
  return names;
}

/** Those a message went to, for a narrow place: "Priya Raman", "Priya, Jonas", or the address of whom no name is known. */
export function recipients(addresses: string[], names: Names): string {
  const people = addresses.map((text) => {
    const { name, email } = parseAddress(text);
    return { name: name || names.get(email.toLowerCase()), email };
  });
  const [only] = people;
  if (people.length === 1 && only) return only.name || only.email;
  return people.map(({ name, email }) => (name ? firstName(name, email) : email)).join(", ");
}
