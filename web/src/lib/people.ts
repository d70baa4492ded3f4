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
  const words = (name?.trim() || email.split("@")[0] || "?")
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
