/** A message that is being written, and what the API is asked with it. */
import { parseAddress } from "@/lib/people";
import type { AnswerKind, Composition, Draft, EmailListItem, SendEmail } from "@/lib/types";

export interface LetterFile {
  key: string;
  name: string;
  type: string;
  size: number;
  /** Picked here and not in a draft yet. */
  data?: File;
  /** Of the draft, or of the message that is passed on. */
  id?: string;
}

export interface Letter {
  /** The Idempotency-Key: nothing is sent twice under it. */
  key: string;
  kind: "new" | "draft" | AnswerKind;
  connection?: string;
  from: string;
  to: string[];
  cc: string[];
  bcc: string[];
  subject: string;
  plain: boolean;
  /** What is written here: as HTML, and as text while the message is plain. */
  body: string;
  text: string;
  /** What follows it. */
  signature: string;
  quote: string;
  tail: string;
  files: LetterFile[];
  answers?: string;
  forwards?: string;
  draft?: string;
}

export type Start =
  | { kind: "new"; to?: string[] }
  | { kind: "draft"; id: string; connection?: string }
  | { kind: AnswerKind; email: EmailListItem }
  | { kind: "back"; letter: Letter };

export const newKey = () => crypto.randomUUID();

export const blank: Letter = {
  key: "",
  kind: "new",
  from: "",
  to: [],
  cc: [],
  bcc: [],
  subject: "",
  plain: false,
  body: "",
  text: "",
  signature: "",
  quote: "",
  tail: "",
  files: [],
};

/** Takes HTML apart where Gmail marks the signature and the quotation. */
export function parted(html: string): { body: string; signature: string; quote: string } {
  const page = new DOMParser().parseFromString(html, "text/html");
  const quote = page.querySelector(".gmail_quote");
  const quoted = quote?.outerHTML ?? "";
  quote?.remove();
  const signature = page.querySelector(".gmail_signature");
  const signed = signature?.outerHTML ?? "";
  signature?.remove();
  const blankLine = (n: ChildNode | null) =>
    n !== null && !n.textContent?.trim() && !(n instanceof Element && n.querySelector("img"));
  while (page.body.firstChild && blankLine(page.body.firstChild)) page.body.firstChild.remove();
  while (page.body.lastChild && blankLine(page.body.lastChild)) page.body.lastChild.remove();
  return { body: page.body.innerHTML, signature: signed, quote: quoted };
}

/** The text of HTML, line by line, as a plain message says it. */
export function textOf(html: string): string {
  const lines = html
    .replace(/\s+/g, " ")
    .replace(/<br[^>]*>(\s*<\/(div|p|li|blockquote|h\d)>)/gi, "$1")
    .replace(/<br[^>]*>/gi, "\n")
    .replace(/<\/(div|p|li|blockquote|h\d|tr)>/gi, "\n</$1>");
  const text = new DOMParser().parseFromString(lines, "text/html").body.textContent ?? "";
  return text
    .split("\n")
    .map((line) => line.trim())
    .join("\n")
    .replace(/\n{3,}/g, "\n\n")
    .replace(/^\n+|\n+$/g, "");
}

const escaped = (text: string) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

export const htmlOf = (text: string): string =>
  text
    .split("\n")
    .map((line) => `<div>${escaped(line) || "<br>"}</div>`)
    .join("");

const signed = (html: string) => (html.trim() ? `<div class="gmail_signature">${html}</div>` : "");

/** A new message from an address, with its signature. */
export function fresh(from: string, connection: string | undefined, signatureHtml: string, to: string[] = []): Letter {
  const tail = signatureHtml.trim() ? `\n\n-- \n${textOf(signatureHtml)}` : "";
  return { ...blank, key: newKey(), connection, from, to, signature: signed(signatureHtml), tail };
}

/** An answer as the server begins it. */
export function begun(kind: AnswerKind, c: Composition): Letter {
  const { signature, quote } = parted(c.html);
  return {
    ...blank,
    key: newKey(),
    kind,
    connection: c.connection_id,
    from: c.from,
    to: c.to,
    cc: c.cc,
    subject: c.subject,
    signature,
    quote,
    tail: c.text,
    files: c.attachments.map((a) => ({ key: `original ${a.id}`, ...a })),
    answers: c.reply_to_email_id || undefined,
    forwards: c.forward_email_id || undefined,
  };
}

/** A draft as it is in Gmail. */
export function fromDraft(d: Draft): Letter {
  const plain = !d.html.trim();
  return {
    ...blank,
    key: newKey(),
    kind: "draft",
    connection: d.connection_id,
    from: d.from,
    to: d.to,
    cc: d.cc,
    bcc: d.bcc,
    subject: d.subject,
    plain,
    ...parted(d.html),
    text: plain ? d.text : "",
    files: d.attachments.map((a) => ({ key: `draft ${a.id}`, ...a })),
    draft: d.id,
  };
}

/** Lines without text keep their height in every mail program. */
const airy = (html: string) => html.replace(/<div><\/div>/g, "<div><br></div>");

export const hasText = (l: Letter) => (l.plain ? l.text.trim() !== "" : textOf(l.body).trim() !== "");

export const wholeHtml = (l: Letter) => [airy(l.body), l.signature, l.quote].filter(Boolean).join("<div><br></div>");

export const isAddress = (text: string) => /^[^\s@<>,;"]+@[^\s@<>,;"]+\.[^\s@<>,;"]+$/.test(parseAddress(text).email);

/** Several addresses as they are pasted: "Ann <a@b.example>, c@d.example; …". */
export function addressesIn(text: string): string[] {
  const parts = text.match(/(?:"[^"]*"|<[^>]*>|[^,;\n"<])+/g) ?? [];
  return parts.flatMap((p) => (p.trim() ? words(p.trim()) : []));
}

/** "a@b.example c@d.example" are two. */
const words = (part: string) => {
  const pieces = part.split(/\s+/);
  return pieces.length > 1 && pieces.every((x) => isAddress(x) && !x.includes("<")) ? pieces : [part];
};

/** What the API takes. `data` gives the contents of a file in base64. */
export async function requestOf(l: Letter, data: (f: File) => Promise<string>): Promise<SendEmail> {
  const carried = l.forwards ? l.files.filter((f) => f.data) : l.files;
  const good = (list: string[]) => list.filter(isAddress);
  return {
    connection_id: l.connection,
    from: l.from || undefined,
    to: good(l.to),
    cc: good(l.cc),
    bcc: good(l.bcc),
    subject: l.subject,
    ...(l.plain ? { text: l.text + l.tail } : { html: wholeHtml(l) }),
    reply_to_email_id: l.answers,
    forward_email_id: l.forwards,
    attachment_ids: l.forwards ? l.files.flatMap((f) => (f.id && !f.data ? [f.id] : [])) : undefined,
    attachments: await Promise.all(
      carried.map(async (f) =>
        f.data && !f.id ? { name: f.name, type: f.type, data: await data(f.data) } : { id: f.id, name: f.name },
      ),
    ),
    draft_id: l.draft,
  };
}

/** What a draft is compared by: whether there is anything new to save. */
export const print = (l: Letter): string =>
  JSON.stringify([
    l.from,
    l.to,
    l.cc,
    l.bcc,
    l.subject,
    l.plain,
    l.plain ? l.text + l.tail : wholeHtml(l),
    l.files.map((f) => f.key),
  ]);

/** After saving, a draft has the files: they need not go there again. A forward names them by its original. */
export function settled(now: Letter, saved: Letter, draft: Draft): Letter {
  if (now.forwards) return { ...now, draft: draft.id };
  const left = [...draft.attachments];
  const ids = new Map<string, string>();
  for (const f of saved.files) {
    const at = left.findIndex((a) => a.name === f.name);
    const [found] = at < 0 ? [] : left.splice(at, 1);
    if (found) ids.set(f.key, found.id);
  }
  return {
    ...now,
    draft: draft.id,
    files: now.files.map((f) => (ids.has(f.key) ? { ...f, id: ids.get(f.key) } : f)),
  };
}

/** Without its draft, which is gone: what is at hand of it. */
export const unsaved = (l: Letter): Letter => ({
  ...l,
  draft: undefined,
  files: l.files.flatMap((f) => (f.data ? [{ ...f, id: undefined }] : l.forwards ? [f] : [])),
});

/** As it travels a file is a third larger than it is, and Gmail takes 25 MB. */
export const mostBytes = Math.floor((25 * 1024 * 1024 * 57) / 78) - 64 * 1024;

export const bytesOf = (files: LetterFile[]) => files.reduce((n, f) => n + f.size, 0);

export function whyNotSendable(l: Letter): string | undefined {
  const all = [...l.to, ...l.cc, ...l.bcc];
  const wrong = all.find((a) => !isAddress(a));
  if (wrong) return `“${wrong}” is no e-mail address.`;
  if (all.length === 0) return "Say who it goes to.";
  if (bytesOf(l.files) > mostBytes) return "The files are too large together. Remove some, or send links to them.";
  return undefined;
}

export const titleOf = (l: Letter): string =>
  l.subject.trim() ||
  { new: "New message", draft: "Draft", reply: "Reply", reply_all: "Reply to all", forward: "Forward" }[l.kind];
