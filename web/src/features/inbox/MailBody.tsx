import interUrl from "@fontsource-variable/inter/files/inter-latin-wght-normal.woff2?url";
import { Button, useComputedColorScheme } from "@mantine/core";
import { type ReactNode, useEffect, useMemo, useRef, useState } from "react";
import { plural } from "@/lib/format";
import { useRemembered } from "@/lib/remember";
import type { Email } from "@/lib/types";
import classes from "./MailBody.module.css";
import { type Look, mailPage } from "./mailHtml";
import { linked, type Passage, passages } from "./plainText";

export function MailBody({ email }: { email: Email }) {
  if (email.body_html.trim()) return <HtmlBody email={email} />;
  return <PlainBody text={email.body_text} />;
}

function PlainBody({ text }: { text: string }) {
  const parts = useMemo(() => passages(text), [text]);
  if (parts.length === 0) return <p className={classes.nothing}>This message has no text.</p>;
  return (
    <div className={classes.plain}>
      {parts.map((part, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the parts of one text never change their places
        <PassageView key={i} part={part} alone={parts.length === 1} />
      ))}
    </div>
  );
}

function PassageView({ part, alone }: { part: Passage; alone: boolean }) {
  if (part.kind === "text" || alone) return <div className={classes.passage}>{withLinks(part.text)}</div>;
  return (
    <details className={classes.fold}>
      <summary>{part.kind === "quote" ? "Earlier text" : "Signature"}</summary>
      <div className={classes.passage} data-kind={part.kind}>
        {withLinks(part.kind === "quote" ? part.text.replace(/^\s?> ?/gm, "") : part.text.replace(/^-- ?\n/, ""))}
      </div>
    </details>
  );
}

function withLinks(text: string): ReactNode[] {
  return linked(text.replace(/^\n+|\n+$/g, "")).map((piece, i) =>
    piece.href ? (
      // biome-ignore lint/suspicious/noArrayIndexKey: the pieces of one text never change their places
      <a key={i} href={piece.href} target="_blank" rel="noopener noreferrer nofollow">
        {piece.text}
      </a>
    ) : (
      piece.text
    ),
  );
}

function HtmlBody({ email }: { email: Email }) {
  const scheme = useComputedColorScheme("light");
  const [trusted, setTrusted] = useRemembered<string[]>("images.from", []);
  const [asked, setAsked] = useState(false);
  const remote = asked || trusted.includes(email.from_email);
  const page = useMemo(() => {
    return mailPage(email.body_html, { remote, look: currentLook(scheme) });
  }, [email.body_html, remote, scheme]);
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
        key={`${remote}${scheme}`}
        html={page.document}
        title={`Message from ${email.from_name || email.from_email}`}
        paper={page.designed}
      />
    </>
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
    fontUrl: new URL(interUrl, location.origin).href,
    origin: location.origin,
  };
}

/** Shrinks mail of a fixed width to the width there is, down to half; beyond that it scrolls. Gives the height. */
function fitted(body: HTMLElement): number {
  body.style.zoom = "1";
  const ratio = body.clientWidth / body.scrollWidth;
  if (ratio < 0.99) body.style.zoom = String(Math.max(0.5, ratio));
  const scrolls = body.scrollWidth > body.clientWidth + 1 ? 14 : 0;
  return Math.max(24, Math.ceil(body.getBoundingClientRect().height) + scrolls);
}

/**
 * The frame has this page's origin, so that its height can be read, but no scripts: nothing in it can run.
 * Keys pressed inside are handed on, so that shortcuts work after a click into the mail.
 */
function Frame({ html, title, paper }: { html: string; title: string; paper: boolean }) {
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
    <div className={classes.sheet} data-paper={paper || undefined}>
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
