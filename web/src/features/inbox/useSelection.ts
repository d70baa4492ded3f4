/** The conversations that are ticked. */
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { keyOf } from "./changes";
import type { Thread } from "./threads";

export const canChange = (thread: Thread) => thread.newest.owner.mine;

export interface Selection {
  /** The boxes are shown also where nothing is ticked yet. */
  choosing: boolean;
  has: (thread: Thread) => boolean;
  threads: Thread[];
  all: boolean;
  toggle: (thread: Thread, range?: boolean) => void;
  toggleAll: () => void;
  begin: () => void;
  clear: () => void;
}

/** Those between two rows, both with them. */
export function between(threads: Thread[], from: string | undefined, to: string): Thread[] {
  const a = threads.findIndex((t) => keyOf(t.newest) === from);
  const b = threads.findIndex((t) => keyOf(t.newest) === to);
  if (b < 0) return [];
  return a < 0 ? threads.slice(b, b + 1) : threads.slice(Math.min(a, b), Math.max(a, b) + 1);
}

/** Ticks of one list; another list begins without. Only mail of one's own can be ticked. */
export function useSelection(list: string, threads: Thread[]): Selection {
  const [ticked, setTicked] = useState<ReadonlySet<string>>(new Set());
  const [choosing, setChoosing] = useState(false);
  const anchor = useRef<string | undefined>(undefined);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another list, other rows
  useEffect(() => {
    setTicked(new Set());
    setChoosing(false);
  }, [list]);
  const possible = useMemo(() => threads.filter(canChange), [threads]);
  const chosen = useMemo(() => possible.filter((t) => ticked.has(keyOf(t.newest))), [possible, ticked]);
  const toggle = useCallback(
    (thread: Thread, range = false) => {
      const key = keyOf(thread.newest);
      const rows = range ? between(threads, anchor.current, key).filter(canChange) : canChange(thread) ? [thread] : [];
      anchor.current = key;
      setTicked((now) => {
        const next = new Set(now);
        const add = range || !now.has(key);
        for (const t of rows) {
          if (add) next.add(keyOf(t.newest));
          else next.delete(keyOf(t.newest));
        }
        return next;
      });
    },
    [threads],
  );
  const all = possible.length > 0 && chosen.length === possible.length;
  const clear = useCallback(() => {
    setTicked(new Set());
    setChoosing(false);
  }, []);
  return {
    choosing: choosing || chosen.length > 0,
    has: (thread) => ticked.has(keyOf(thread.newest)),
    threads: chosen,
    all,
    toggle,
    toggleAll: () => setTicked(all ? new Set() : new Set(possible.map((t) => keyOf(t.newest)))),
    begin: () => setChoosing(true),
    clear,
  };
}
