/** Where a conversation is entered: at its end, or at the message that a search found. */
import { type RefObject, useLayoutEffect } from "react";
import { holds, holdsAll } from "@/lib/searchWords";
import type { Email } from "@/lib/types";
import { passages } from "./plainText";

const around = (m: Email) => [m.subject, m.from_name, m.from_email, ...m.attachments.map((a) => a.name)].join("\n");

const textOf = (m: Email) => `${around(m)}\n${m.body_text || m.snippet}`;

/** What was written in this message itself: every answer quotes what came before. */
const ownText = (m: Email) =>
  `${around(m)}\n${passages(m.body_text || m.snippet)
    .filter((p) => p.kind !== "quote")
    .map((p) => p.text)
    .join("\n")}`;

/**
 * The message that a search meant: the one it named if its own words match, else the newest whose own words do; where
 * all only quote them, the one it named, or the newest.
 */
export function foundIn(messages: Email[], target: string | undefined, words: string[]): string | undefined {
  const named = messages.find((m) => m.id === target);
  if (words.length === 0) return named?.id;
  const newestFirst = [...(named ? [named] : []), ...[...messages].reverse()];
  const own = newestFirst.find((m) => holdsAll(ownText(m), words));
  if (own ?? named) return (own ?? named)?.id;
  const best = newestFirst.find((m) => holdsAll(textOf(m), words)) ?? newestFirst.find((m) => holds(textOf(m), words));
  return best?.id;
}

/** Which messages are open at first: the last one, and the one that was found or all that were not read. */
export const openAtFirst = (messages: Email[], found?: string): Set<string> =>
  new Set(
    messages.filter((m, i) => i === messages.length - 1 || (found ? m.id === found : !m.is_read)).map((m) => m.id),
  );

/** How long the parts of a conversation may still change their heights: frames and pictures come late. */
const settling = 3000;
const above = 10;

/** Brings a message into view, and holds it there until all has its size or the reader does anything. */
export function useLanding(
  scroller: RefObject<HTMLElement | null>,
  thread: string | undefined,
  message: string | undefined,
) {
  // biome-ignore lint/correctness/useExhaustiveDependencies: once for each conversation
  useLayoutEffect(() => {
    const box = scroller.current;
    if (!box) return;
    box.scrollTop = 0;
    if (!message) return;
    const place = () => {
      const element = box.querySelector(`[data-message="${CSS.escape(message)}"]`);
      if (element) box.scrollTop += offset(element, box);
    };
    const sizes = new ResizeObserver(place);
    const stop = () => {
      sizes.disconnect();
      clearTimeout(timer);
      for (const act of acts) box.removeEventListener(act, stop);
    };
    const timer = setTimeout(stop, settling);
    for (const act of acts) box.addEventListener(act, stop, { passive: true });
    for (const child of box.children) sizes.observe(child);
    place();
    return stop;
  }, [thread]);
}

const acts = ["wheel", "touchstart", "pointerdown", "keydown"];

/** How far to scroll: to the head of the message, or to the first marked word where that would be out of sight. */
function offset(message: Element, box: Element): number {
  const { top, height } = box.getBoundingClientRect();
  const head = message.getBoundingClientRect().top - top - above;
  const mark = markIn(message);
  if (mark === undefined || mark - message.getBoundingClientRect().top < height * 0.7) return head;
  return mark - top - height * 0.35;
}

function markIn(message: Element): number | undefined {
  const own = [...message.querySelectorAll("[data-body] mark")].find((m) => m.getBoundingClientRect().height > 0);
  if (own) return own.getBoundingClientRect().top;
  const frame = message.querySelector("iframe");
  const inside = [...(frame?.contentDocument?.querySelectorAll("mark") ?? [])].find(
    (m) => m.getBoundingClientRect().height > 0,
  );
  return frame && inside ? frame.getBoundingClientRect().top + inside.getBoundingClientRect().top : undefined;
}
