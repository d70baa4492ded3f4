import interUrl from "@fontsource-variable/inter/files/inter-latin-wght-normal.woff2?url";
import { Button, useComputedColorScheme } from "@mantine/core";
import { Moon, Sun } from "lucide-react";
import { type ReactNode, useEffect, useMemo, useRef, useState } from "react";
import { plural } from "@/lib/format";
import { useRemembered } from "@/lib/remember";
import { holds } from "@/lib/searchWords";
import type { Email } from "@/lib/types";
import { Marked } from "@/ui/Marked";
import classes from "./MailBody.module.css";
import { type Look, mailPage, narrow } from "./mailHtml";
import { linked, type Passage, passages } from "./plainText";

export function MailBody({ email, words }: { email: Email; words: string[] }) {
  if (email.body_html.trim()) return <HtmlBody email={email} words={words} />;
  return <PlainBody text={email.body_text} words={words} />;
}

function PlainBody({ text, words }: { text: string; words: string[] }) {
  const parts = useMemo(() => passages(text), [text]);
  const inSight = parts.some((p) => p.kind === "text" && holds(p.text, words));
  if (parts.length === 0) return <p className={classes.nothing}>This message has no text.</p>;
  return (
    <div className={classes.plain}>
      {parts.map((part, i) => (
        <PassageView
          // biome-ignore lint/suspicious/noArrayIndexKey: the parts of one text never change their places
          key={i}
          part={part}
          alone={parts.length === 1}
          words={words}
          open={!inSight && holds(part.text, words)}
        />
      ))}
    </div>
  );
}

interface PassageProps {
  part: Passage;
  alone: boolean;
  words: string[];
  /** What was searched for stands in here only. */
  open: boolean;
}

function PassageView({ part, alone, words, open }: PassageProps) {
  if (part.kind === "text" || alone) return <div className={classes.passage}>{withLinks(part.text, words)}</div>;
  return (
    <details className={classes.fold} open={open}>
      <summary>{part.kind === "quote" ? "Earlier text" : "Signature"}</summary>
      <div className={classes.passage} data-kind={part.kind}>
        {withLinks(
          part.kind === "quote" ? part.text.replace(/^\s?> ?/gm, "") : part.text.replace(/^-- ?\n/, ""),
          words,
        )}
      </div>
    </details>
  );
}

function withLinks(text: string, words: string[]): ReactNode[] {
  return linked(text.replace(/^\n+|\n+$/g, "")).map((piece, i) =>
    piece.href ? (
      // biome-ignore lint/suspicious/noArrayIndexKey: the pieces of one text never change their places
      <a key={i} href={piece.href} target="_blank" rel="noopener noreferrer nofollow">
        <Marked text={piece.text} words={words} />
      </a>
    ) : (
      // biome-ignore lint/suspicious/noArrayIndexKey: the pieces of one text never change their places
      <Marked key={i} text={piece.text} words={words} />
    ),
  );
}

function HtmlBody({ email, words }: { email: Email; words: string[] }) {
  const scheme = useComputedColorScheme("light");
  const [trusted, setTrusted] = useRemembered<string[]>("images.from", []);
  const [asked, setAsked] = useState(false);
  const remote = asked || trusted.includes(email.from_email);
  const [dark, setDark] = useState<"sent" | "adapted">();
  const page = useMemo(() => {
    return mailPage(email.body_html, { remote, look: currentLook(scheme), words, dark });
  }, [email.body_html, remote, scheme, words, dark]);
  const asSent = page.designed && !page.adapted;
  return (
    <>
      {page.held > 0 && (
        <div className={classes.held}>
          <span>
            {plural(page.held, "remote image")} not loaded, so that the sender does not see when you read this.
          </span>
          <span className={classes.heldActions}>
            <Button size="xs" onClick={() => setAsked(true)}>
              Load images
            </Button>
            <Button size="xs" variant="subtle" onClick={() => setTrusted([...trusted, email.from_email])}>
              Always from this sender
            </Button>
          </span>
        </div>
      )}
      <Frame
        key={`${remote}${scheme}${dark}`}
        html={page.document}
        title={`Message from ${email.from_name || email.from_email}`}
        paper={asSent}
        designed={page.designed}
        bare={page.coloured}
      />
      {scheme === "dark" && (
        <Button
          size="xs"
          variant="subtle"
          className={classes.dark}
          leftSection={asSent ? <Moon size={13} /> : <Sun size={13} />}
          onClick={() => setDark(asSent ? "adapted" : "sent")}
        >
          {asSent ? "Show in dark" : "Show as sent"}
        </Button>
      )}
    </>
  );
}

/** HTML that is no message of its own, such as a quotation: behind the same walls, without images of others. */
export function HtmlFrame({ html, title }: { html: string; title: string }) {
  const scheme = useComputedColorScheme("light");
  const page = useMemo(() => mailPage(html, { remote: false, look: currentLook(scheme), words: [] }), [html, scheme]);
  return (
    <Frame
      key={scheme}
      html={page.document}
      title={title}
      paper={page.designed && !page.adapted}
      designed={page.designed}
      bare={page.coloured}
    />
  );
}

/** The theme's colours as plain values: the frame does not see the page's variables. */
function currentLook(scheme: Look["scheme"]): Look {
  const style = getComputedStyle(document.documentElement);
  const value = (name: string) => style.getPropertyValue(name).trim();
  return {
    scheme,
    ink: value("--ink"),
    muted: value("--ink-3"),
    accent: value("--accent-ink"),
    line: value("--line-strong"),
    hit: value("--hit"),
    fontUrl: new URL(interUrl, location.origin).href,
    origin: location.origin,
  };
}

/** Text smaller than this is no longer read with ease; a phone is held nearer, and its fingers can enlarge. */
const leastZoom = () => (window.innerWidth <= 720 ? 0.62 : 0.9);

/** The width that an element was given in pixels, if any. */
function givenWidth(element: HTMLElement): number {
  const attribute = element.getAttribute("width") ?? "";
  const fixed = /^\d+(px)?$/.test(attribute.trim()) ? Number.parseFloat(attribute) : 0;
  const px = (text: string) => (text.endsWith("px") ? Number.parseFloat(text) : 0);
  return Math.max(fixed, px(element.style.width), px(element.style.minWidth));
}

/** Lets everything that is wider than its place, or takes a fixed share of a wider one, become narrower. */
function narrowDown(body: HTMLElement) {
  const place = body.clientWidth;
  const wide = [...body.querySelectorAll<HTMLElement>("table,td,th,div,center,section,p,pre")].filter(
    (e) => givenWidth(e) > place * 0.4 || e.offsetWidth > place,
  );
  for (const element of wide) {
    const tag = element.tagName;
    element.classList.add(tag === "TABLE" ? narrow.table : /^T[DH]$/.test(tag) ? narrow.cell : narrow.block);
  }
}

/**
 * Fits mail into the width there is: first what has a fixed width may become narrower, then lines may break, then all
 * becomes a little smaller, and what is wider still scrolls. Gives the height.
 */
function fitted(body: HTMLElement): number {
  const tooWide = () => body.scrollWidth > body.clientWidth + 1;
  for (const name of Object.values(narrow)) {
    for (const element of body.querySelectorAll(`.${name}`)) element.classList.remove(name);
  }
  body.classList.remove(narrow.lines);
  body.style.zoom = "1";
  if (tooWide()) narrowDown(body);
  if (tooWide()) body.classList.add(narrow.lines);
  if (tooWide()) body.style.zoom = String(Math.max(leastZoom(), body.clientWidth / body.scrollWidth));
  const bar = tooWide() ? 14 : 0;
  return Math.max(24, Math.ceil(body.getBoundingClientRect().height) + bar);
}

interface FrameProps {
  html: string;
  title: string;
  /** White, also where the page is dark. */
  paper: boolean;
  /** With a layout of its own, which needs the width more than a margin. */
  designed: boolean;
  /** On a coloured ground, without a white margin. */
  bare: boolean;
}

/**
 * The frame has this page's origin, so that its height can be read, but no scripts: nothing in it can run.
 * Keys pressed inside are handed on, so that shortcuts work after a click into the mail.
 */
function Frame({ html, title, paper, designed, bare }: FrameProps) {
  const frame = useRef<HTMLIFrameElement>(null);
  const [height, setHeight] = useState(80);
  useEffect(() => {
    const element = frame.current;
    if (!element) return;
    let sizes: ResizeObserver | undefined;
    const measure = () => {
      const body = element.contentDocument?.body;
      if (body) setHeight(fitted(body));
    };
    const pass = (event: KeyboardEvent) => {
      if (!event.ctrlKey && !event.metaKey && ["Tab", " ", "Enter"].includes(event.key)) return;
      const copy = new KeyboardEvent("keydown", {
        key: event.key,
        ctrlKey: event.ctrlKey,
        metaKey: event.metaKey,
        altKey: event.altKey,
        shiftKey: event.shiftKey,
        bubbles: true,
        cancelable: true,
      });
      if (!element.dispatchEvent(copy)) event.preventDefault();
    };
    const onLoad = () => {
      const inside = element.contentDocument;
      if (!inside?.body) return;
      sizes?.disconnect();
      sizes = new ResizeObserver(measure);
      sizes.observe(inside.body);
      inside.addEventListener("keydown", pass);
      measure();
    };
    element.addEventListener("load", onLoad);
    onLoad();
    return () => {
      element.removeEventListener("load", onLoad);
      sizes?.disconnect();
    };
  }, []);
  return (
    <div
      className={classes.sheet}
      data-paper={paper || undefined}
      data-designed={designed || undefined}
      data-bare={bare || undefined}
    >
      <iframe
        ref={frame}
        className={classes.frame}
        title={title}
        sandbox="allow-same-origin allow-popups allow-popups-to-escape-sandbox"
        referrerPolicy="no-referrer"
        srcDoc={html}
        style={{ height }}
      />
    </div>
  );
}
