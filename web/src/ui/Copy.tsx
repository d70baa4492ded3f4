/** What has to be carried somewhere else: a value beside the button that copies it. */
import { ActionIcon, Button } from "@mantine/core";
import { Check, Copy as CopyIcon } from "lucide-react";
import { type ReactNode, useEffect, useRef, useState } from "react";
import classes from "./Copy.module.css";

/** Copies, also where the browser gives a page without https no clipboard. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    area.style.position = "fixed";
    area.style.opacity = "0";
    const host = document.querySelector("[role=dialog][aria-modal=true]") ?? document.body;
    host.append(area);
    area.select();
    const done = document.execCommand?.("copy") ?? false;
    area.remove();
    return done;
  }
}

type Outcome = "none" | "copied" | "failed";

function useCopy(text: string) {
  const [outcome, setOutcome] = useState<Outcome>("none");
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const copy = async () => {
    setOutcome((await copyText(text)) ? "copied" : "failed");
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setOutcome("none"), 2000);
  };
  return { outcome, copy };
}

const said: Record<Outcome, string> = { none: "", copied: "Copied", failed: "Select it and copy by hand" };

/** A small button with a copy sign; `what` names the value: "the client id". */
export function CopyButton({ text, what }: { text: string; what: string }) {
  const { outcome, copy } = useCopy(text);
  return (
    <>
      <ActionIcon aria-label={`Copy ${what}`} title={said[outcome] || `Copy ${what}`} onClick={() => void copy()}>
        {outcome === "copied" ? <Check size={15} className={classes.done} /> : <CopyIcon size={14} />}
      </ActionIcon>
      <span className="visually-hidden" role="status">
        {said[outcome]}
      </span>
    </>
  );
}

/** The same with words on it. */
export function CopyWords({ text, children, filled }: { text: string; children: ReactNode; filled?: boolean }) {
  const { outcome, copy } = useCopy(text);
  return (
    <Button
      variant={filled ? "filled" : "default"}
      leftSection={outcome === "copied" ? <Check size={14} /> : <CopyIcon size={14} />}
      onClick={() => void copy()}
    >
      <span aria-live="polite">{outcome === "none" ? children : said[outcome]}</span>
    </Button>
  );
}

/** A value in one line. */
export function CopyLine({ text, what, label }: { text: string; what: string; label?: ReactNode }) {
  return (
    <div className={classes.entry}>
      {label && <span className={classes.label}>{label}</span>}
      <div className={classes.line}>
        <code>{text}</code>
        <CopyButton text={text} what={what} />
      </div>
    </div>
  );
}

/** Several values, each with its button, and one that copies all. */
export function CopyList({ items, what, label }: { items: string[]; what: string; label?: ReactNode }) {
  return (
    <div className={classes.entry}>
      {label && (
        <span className={classes.label}>
          {label}
          {items.length > 1 && <CopyAll text={items.join("\n")} what={what} />}
        </span>
      )}
      <ul className={classes.list}>
        {items.map((item) => (
          <li key={item} className={classes.line}>
            <code>{item}</code>
            <CopyButton text={item} what={item} />
          </li>
        ))}
      </ul>
    </div>
  );
}

function CopyAll({ text, what }: { text: string; what: string }) {
  const { outcome, copy } = useCopy(text);
  return (
    <button type="button" className={classes.all} onClick={() => void copy()} aria-label={`Copy all ${what}`}>
      <span aria-live="polite">{said[outcome] || "Copy all"}</span>
    </button>
  );
}
