/**
 * Mail's HTML as a page of its own for a sandboxed frame.
 *
 * The server has cleaned it already; it is cleaned again here, and the frame allows neither script nor any address but
 * those that its policy names. Three walls, because mail is written by strangers.
 */
import createDOMPurify from "dompurify";
import { marked } from "@/lib/searchWords";
import { announces } from "./plainText";

export interface MailPage {
  /** The whole document, for `srcdoc`. */
  document: string;
  /** How many pictures would be fetched from elsewhere, and were held back. */
  held: number;
  /** Brings its own colours, so that it stands on paper of its own. */
  designed: boolean;
  /** Has a ground of its own colour, which needs no white margin. */
  coloured: boolean;
  /** Dark, though it was written for white paper. */
  adapted: boolean;
}

export interface Look {
  /** The frame paints a white ground where its scheme is not the page's. */
  scheme: "light" | "dark";
  ink: string;
  muted: string;
  accent: string;
  line: string;
  /** Behind the words of a search. */
  hit: string;
  fontUrl: string;
  origin: string;
}

interface Options {
  remote: boolean;
  look: Look;
  /** The words of the search, to be marked. */
  words?: string[];
  /** In the dark: as it was sent, or adapted; by itself, adapted where it has no coloured ground. */
  dark?: "sent" | "adapted";
}

const purify = () =>
  createDOMPurify(window).sanitize.bind(createDOMPurify(window)) as (html: string, config: object) => string;

const config = {
  FORCE_BODY: true,
  FORBID_TAGS: [
    "form",
    "input",
    "button",
    "select",
    "textarea",
    "video",
    "audio",
    "source",
    "iframe",
    "object",
    "embed",
    "link",
    "meta",
    "base",
  ],
  FORBID_ATTR: ["srcset", "ping", "formaction", "autofocus", "tabindex", "id", "name", "contenteditable"],
  ALLOW_DATA_ATTR: false,
  // Every attribute is held against this, so what is no address at all passes too: a colour, a width.
  ALLOWED_URI_REGEXP: /^(?:(?:https?|mailto|tel|cid):|[^a-z]|[a-z+.-]+(?:[^a-z+.\-:]|$))/i,
};

/** Quotes of the usual mail programs. */
const quotes =
  ".gmail_quote_container, .gmail_quote, .yahoo_quoted, .moz-cite-prefix, blockquote[type=cite], blockquote";

export function mailPage(html: string, options: Options): MailPage {
  // Without the tag, styles at the beginning would go to the head and be lost.
  const body = new DOMParser().parseFromString(`<body>${purify()(html, config)}`, "text/html").body;
  const coloured = hasGround(body, html);
  const dark = options.look.scheme === "dark" ? (options.dark ?? (coloured ? "sent" : "adapted")) : undefined;
  const designed = isDesigned(body, html) || dark === "sent";
  const paper = designed ? (dark === "adapted" ? "adapted" : "own") : "none";
  dropUnplaced(body);
  const held = options.remote ? 0 : holdRemote(body);
  openOutside(body);
  foldQuotes(body);
  markWords(body, options.words ?? []);
  if (paper === "adapted") keepBlocks(body);
  const document = frameDocument(body.innerHTML, paper, options);
  return { document, held, designed, coloured, adapted: paper === "adapted" };
}

/** What the mail stands on: the page's own ground, white paper, or white paper turned dark. */
type Paper = "none" | "own" | "adapted";

function isDesigned(body: HTMLElement, html: string): boolean {
  return (
    body.querySelector("[bgcolor],[background],[style*=background],style") !== null ||
    /<body[^>]+(bgcolor|background)/i.test(html)
  );
}

const groundInCss = /(?:^|[\s,}])(?:body|html)\s*\{[^}]*background(?:-color)?\s*:\s*([^;}]+)/gi;
const groundInStyle = /background(?:-color)?\s*:\s*([^;]+)/i;

/** A colour or a picture of its own behind most of the text. Light greys are only paper. */
function hasGround(body: HTMLElement, html: string): boolean {
  const tag = /<body[^>]*>/i.exec(html)?.[0] ?? "";
  const onBody = [/bgcolor\s*=\s*["']?([^"'\s>]+)/i.exec(tag)?.[1], groundInStyle.exec(tag)?.[1]];
  const inCss = [...body.querySelectorAll("style")].flatMap((s) =>
    [...(s.textContent ?? "").matchAll(groundInCss)].map((m) => m[1]),
  );
  if ([...onBody, ...inCss].some((c) => c && isColoured(c))) return true;
  const whole = (body.textContent ?? "").trim().length;
  for (const element of body.querySelectorAll("[bgcolor],[background],[style*=background]")) {
    const colour = element.getAttribute("bgcolor") ?? groundInStyle.exec(element.getAttribute("style") ?? "")?.[1];
    const much = (element.textContent ?? "").trim().length > whole * 0.6;
    if (much && (element.hasAttribute("background") || (colour && isColoured(colour)))) return true;
  }
  return false;
}

/** A colour's red, green and blue; undefined for names and everything else. */
function channels(css: string): number[] | undefined {
  const hex = /#([0-9a-f]{3,8})\b/.exec(css)?.[1];
  const rgb = /rgba?\(([^)]+)\)/.exec(css)?.[1];
  let parts: number[] = [];
  if (hex && hex.length < 6) parts = [...hex.slice(0, 3)].map((h) => Number.parseInt(h + h, 16));
  else if (hex) parts = [0, 2, 4].map((i) => Number.parseInt(hex.slice(i, i + 2), 16));
  else if (rgb)
    parts = rgb
      .split(/[\s,/]+/)
      .slice(0, 3)
      .map(Number);
  return parts.length === 3 && parts.every(Number.isFinite) ? parts : undefined;
}

const papers = /^(white|transparent|none|inherit|initial|unset|whitesmoke|snow|ivory|0)\b/;

/** Neither nothing nor nearly white. */
function isColoured(css: string): boolean {
  const text = css.trim().toLowerCase();
  if (/url\(|gradient/.test(text)) return true;
  const parts = channels(text);
  if (!parts) return !papers.test(text);
  return Math.min(...parts) < 225 || Math.max(...parts) - Math.min(...parts) > 20;
}

/** Dark enough to be meant: white letters stand on it. */
function isDark(css: string): boolean {
  const text = css.trim().toLowerCase();
  const [r = 0, g = 0, b = 0] = channels(text) ?? [255, 255, 255];
  return channels(text)
    ? (r * 299 + g * 587 + b * 114) / 1000 < 140
    : /^(black|navy|maroon|dark|purple|teal|green|blue)/.test(text);
}

/** Coloured bars and buttons stay as they were sent where the paper around them turns dark. */
function keepBlocks(body: HTMLElement) {
  for (const element of body.querySelectorAll("[bgcolor],[style*=background]")) {
    const colour = element.getAttribute("bgcolor") ?? groundInStyle.exec(element.getAttribute("style") ?? "")?.[1];
    if (colour && isDark(colour) && !element.parentElement?.closest(`.${kept}`)) element.classList.add(kept);
  }
}

const kept = "as-sent";

/** Images of the message itself that the server did not put in place. */
function dropUnplaced(body: HTMLElement) {
  for (const image of body.querySelectorAll("img[src^='cid:' i]")) image.removeAttribute("src");
}

const elsewhere = /^\s*(https?:)?\/\//i;
const remoteCss = /url\(\s*['"]?\s*(https?:)?\/\/[^)]*\)/gi;

/** One transparent pixel: keeps the place of a picture that was held back. */
const blank = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==";

/** Takes away every address that would be fetched; the frame's policy would refuse them too. */
function holdRemote(body: HTMLElement): number {
  let held = 0;
  for (const image of body.querySelectorAll("img[src]")) {
    if (!elsewhere.test(image.getAttribute("src") ?? "")) continue;
    image.setAttribute("src", blank);
    image.classList.add("held");
    held++;
  }
  for (const cell of body.querySelectorAll("[background]")) {
    cell.removeAttribute("background");
    held++;
  }
  for (const styled of body.querySelectorAll("[style]")) {
    const style = styled.getAttribute("style") ?? "";
    if (style.match(remoteCss)) {
      styled.setAttribute("style", style.replace(remoteCss, "none"));
      held++;
    }
  }
  for (const sheet of body.querySelectorAll("style")) {
    const text = sheet.textContent ?? "";
    if (text.match(remoteCss)) {
      sheet.textContent = text.replace(remoteCss, "none");
      held++;
    }
  }
  return held;
}

function openOutside(body: HTMLElement) {
  for (const link of body.querySelectorAll("a[href]")) {
    link.setAttribute("target", "_blank");
    link.setAttribute("rel", "noopener noreferrer nofollow");
  }
}

/** Puts each outermost quote behind a click, unless the message is nothing else. */
function foldQuotes(body: HTMLElement) {
  const all = [...body.querySelectorAll<HTMLElement>(quotes)];
  const outer = all.filter((q) => !all.some((other) => other !== q && other.contains(q)));
  const own =
    (body.textContent ?? "").trim().length - outer.reduce((n, q) => n + (q.textContent ?? "").trim().length, 0);
  if (own < 2) return;
  for (const quote of outer) {
    if (!(quote.textContent ?? "").trim()) continue;
    const fold = body.ownerDocument.createElement("details");
    fold.className = "fold";
    const summary = body.ownerDocument.createElement("summary");
    summary.textContent = "Earlier text";
    const line = announcementBefore(quote);
    quote.replaceWith(fold);
    fold.append(summary, ...(line ? [line] : []), quote);
  }
}

/** The "On Monday, Mara wrote:" right above a quote, if it stands in an element of its own. */
function announcementBefore(quote: Element): Element | undefined {
  const before = quote.previousElementSibling;
  const between = before?.nextSibling;
  const alone = between === quote || (between?.nextSibling === quote && !between.textContent?.trim());
  return before && alone && announces((before.textContent ?? "").trim()) ? before : undefined;
}

/** Marks the words of a search; where all of them are in what is folded, that is opened. */
function markWords(body: HTMLElement, words: string[]) {
  if (words.length === 0) return;
  const walker = body.ownerDocument.createTreeWalker(body, NodeFilter.SHOW_TEXT);
  const texts: Text[] = [];
  while (walker.nextNode()) texts.push(walker.currentNode as Text);
  for (const text of texts) {
    if (text.parentElement?.closest("style,title")) continue;
    const parts = marked(text.data, words);
    if (!parts.some((p) => p.hit)) continue;
    text.replaceWith(
      ...parts.map((part) => {
        if (!part.hit) return part.text;
        const mark = body.ownerDocument.createElement("mark");
        mark.textContent = part.text;
        return mark;
      }),
    );
  }
  const marks = [...body.querySelectorAll("mark")];
  if (marks.every((m) => m.closest("details.fold"))) {
    for (const mark of marks) mark.closest("details.fold")?.setAttribute("open", "");
  }
}

function frameDocument(body: string, paper: Paper, { remote, look }: Options): string {
  const pictures = `data: blob: ${look.origin}${remote ? " https: http:" : ""}`;
  const policy = `default-src 'none'; img-src ${pictures}; style-src 'unsafe-inline'; font-src ${look.origin}; form-action 'none'; base-uri 'none'`;
  return `<!doctype html><html lang=""><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${policy}"><meta name="referrer" content="no-referrer"><style>${frameStyle(paper, look)}</style></head><body>${body}</body></html>`;
}

/** Put on what is too wide for its place, and on the body where lines must break that would not. */
export const narrow = { table: "fit-table", cell: "fit-cell", block: "fit-block", lines: "fit-lines" };

const narrowed = `
.${narrow.table}{width:100%!important;min-width:0!important;max-width:100%!important;table-layout:auto!important}
.${narrow.cell}{width:auto!important;min-width:0!important;max-width:none!important}
.${narrow.block}{width:auto!important;min-width:0!important;max-width:100%!important}
img{min-width:0!important}
.${narrow.lines} *{white-space:normal!important}`;

function frameStyle(paper: Paper, look: Look): string {
  const base = `@font-face{font-family:"Inter Variable";src:url("${look.fontUrl}") format("woff2");font-weight:100 900}
html{overflow:hidden}
body{margin:0;overflow-x:auto;overflow-y:hidden;overflow-wrap:anywhere;font:14px/1.6 "Inter Variable",system-ui,sans-serif}
img{max-width:100%;height:auto}
table{max-width:100%;overflow-wrap:break-word}
pre{white-space:pre-wrap}
mark{background:${look.hit};color:inherit;border-radius:2px}
img.held{background:color-mix(in srgb,${look.muted} 16%,transparent);border-radius:3px}
.fold>summary{display:inline-block;list-style:none;margin:8px 0;padding:1px 9px;border-radius:9px;cursor:pointer;font:12px/1.5 "Inter Variable",system-ui,sans-serif;color:${look.muted};background:color-mix(in srgb,${look.muted} 14%,transparent)}
.fold>summary::-webkit-details-marker{display:none}
:focus-visible{outline:2px solid ${look.accent};outline-offset:2px}${narrowed}`;
  if (paper === "adapted") return `${base}${adapted}`;
  if (paper === "own") {
    return `${base}html{color-scheme:light;background:#fff}body{padding:1px;color:#1a1c19}mark{background:#fbe7a1}.fold>summary{color:#686c65;background:#eeeeea}`;
  }
  return `${base}
html{color-scheme:${look.scheme};background:transparent}
body{color:${look.ink}}
body *{font-family:inherit!important;color:inherit!important;border-color:${look.line}!important}
a,a *{color:${look.accent}!important}
p{margin:0 0 1em}
.gmail_signature,.gmail_signature *{color:${look.muted}!important;font-size:12px!important;line-height:1.5!important}
blockquote{margin:0 0 1em!important;padding-left:12px!important;border-left:2px solid ${look.line}!important;color:${look.muted}!important}
td,th{border-color:${look.line}}`;
}

/**
 * White paper turned dark: light and dark change places and hues stay; pictures are turned back. 0.916 makes white the
 * page's own dark ground rather than black.
 */
const adapted = `html{color-scheme:light;background:#fff;filter:invert(.916) hue-rotate(180deg)}
body{padding:1px;color:#1a1c19}
mark{background:#fbe7a1}
.fold>summary{color:#686c65;background:#eeeeea}
img,svg,video,.${kept},[background],[style*="url("]{filter:invert(1) hue-rotate(180deg)}
.${kept} .${kept},:is(.${kept},[background],[style*="url("]) :is(img,svg,video){filter:none}
img.held{filter:none}`;
