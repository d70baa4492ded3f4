import { useMemo } from "react";

/**
 * Tells what was sent from here from what came from elsewhere. The address follows what is typed some moments later:
 * a value that comes back when more was typed already must not be put over it.
 */
export function useSent(first: string) {
  // biome-ignore lint/correctness/useExhaustiveDependencies: what comes later is told by send and isForeign
  return useMemo(() => {
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
        underway = value === last ? [] : underway.slice(at + 1);
        if (at >= 0 || value === last) return false;
        underway = [];
        last = value;
        return true;
      },
    };
  }, []);
}
