/** Short lines at the bottom: what was done, and the way back. A screen reader hears them at once. */
import { notifications } from "@mantine/notifications";
import type { ReactNode } from "react";
import { explain } from "../lib/problem";
import classes from "./toast.module.css";

interface Toast {
  id: string;
  text: ReactNode;
  /** Said instead of nothing where something failed. */
  failed?: boolean;
  title?: string;
  ms?: number | false;
  actions?: { label: string; keys?: string; run: () => void }[];
}

/** Shows a line, or changes the one with the same id. */
export function say({ id, text, failed, title, ms = 7000, actions = [] }: Toast) {
  const line = {
    id,
    title,
    color: failed ? "red" : undefined,
    autoClose: ms,
    withCloseButton: true,
    message: (
      <div className={classes.line}>
        <span className={classes.text}>{text}</span>
        {actions.length > 0 && (
          <span className={classes.actions}>
            {actions.map((a) => (
              <button
                key={a.label}
                type="button"
                className={classes.action}
                onClick={() => {
                  notifications.hide(id);
                  a.run();
                }}
              >
                {a.label}
                {a.keys && <kbd className={classes.key}>{a.keys}</kbd>}
              </button>
            ))}
          </span>
        )}
      </div>
    ),
  };
  notifications.hide(id);
  notifications.show(line);
}

/** Takes a line away. */
export const hush = (id: string) => notifications.hide(id);

/** Takes all lines away, also those that wait for room. */
export const hushAll = () => notifications.clean();

export function sayFailed(title: string, error: unknown, again?: () => void) {
  say({
    id: `failed ${title}`,
    title,
    text: explain(error).message,
    failed: true,
    ms: 15_000,
    actions: again ? [{ label: "Try again", run: again }] : [],
  });
}
