/** How keys are written and matched: "j", "shift+s", "mod+k", "g i" (one after the other), "Escape". */

const apple = typeof navigator !== "undefined" && /Mac|iPhone|iPad/.test(navigator.platform);

interface Press {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
  shiftKey: boolean;
}

/** The written form of a key press. Shift counts only where the key itself does not already say it, as "?" does. */
export function written(press: Press): string {
  const mod = apple ? press.metaKey : press.ctrlKey;
  const key = press.key.length === 1 ? press.key.toLowerCase() : press.key;
  const letter = /^[a-z]$/.test(key);
  return [mod && "mod", press.altKey && "alt", press.shiftKey && (letter || press.key.length > 1) && "shift", key]
    .filter(Boolean)
    .join("+");
}

const names: Record<string, string> = {
  Escape: "Esc",
  Enter: "Enter",
  ArrowDown: "↓",
  ArrowUp: "↑",
  mod: apple ? "⌘" : "Ctrl",
  shift: "⇧",
  alt: apple ? "⌥" : "Alt",
};

/** For people: "Ctrl K", "G I". */
export function shown(keys: string): string {
  return keys
    .split(" ")
    .map((step) =>
      step
        .split("+")
        .map((part) => names[part] ?? (part.length === 1 ? part.toUpperCase() : part))
        .join(" "),
    )
    .join(" ");
}

/** The keys are for what is being typed, not for shortcuts. */
export function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement)
    return true;
  return target instanceof HTMLInputElement && !["checkbox", "radio", "button", "submit"].includes(target.type);
}
