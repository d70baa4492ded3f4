import { useState } from "react";

/**
 * Tells what was sent from here from what came from elsewhere. The address follows what is typed some moments later:
 * a value that comes back when more was typed already must not be put over it.
 */
export function useSent(first: string) {
  const [sent] = useState(() => {
    let last = first;
    let underway: string[] = [];
    return {
      /** False where this was the last already. */
      send(next: string): boolean {
        if (next === last) return false;
        last = next;
        underway.push(next);
        return true;
      },
      /** A value has come: was it not sent from here? */
      isForeign(value: string): boolean {
        const at = underway.lastIndexOf(value);
        const foreign = at < 0 && value !== last;
        underway = foreign || value === last ? [] : underway.slice(at + 1);
        if (foreign) last = value;
        return foreign;
      },
    };
  });
  return sent;
}
