/** How a grid behaves: which cell is meant, where it was left, how wide it is. */
import { type RefObject, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";

/** The cell that the keys mean. */
export interface Spot {
  row: number;
  column: number;
}

interface Kept extends Spot {
  id?: string;
}

/**
 * The cell that is meant. It follows its record where the list is read anew and stands in another order: whoever is
 * typing into a cell goes on in the same record.
 */
export function useSpot(records: { id: string }[]) {
  const [kept, keep] = useState<Kept>({ row: 0, column: 0 });
  const latest = useRef(records);
  latest.current = records;
  const at = useMemo(() => (kept.id ? records.findIndex((r) => r.id === kept.id) : kept.row), [records, kept]);
  const row = at < 0 ? kept.row : at;
  const spot = useMemo<Spot>(() => ({ row, column: kept.column }), [row, kept]);
  const setSpot = useCallback((to: Spot) => keep({ ...to, id: latest.current[to.row]?.id }), []);
  return { spot, setSpot, isGone: at < 0 };
}

/** Where each list was left, for the way back to it. */
const places = new Map<string, number>();
export const placeOf = (name: string) => places.get(name) ?? 0;

const narrowBelow = 620;

export function useNarrow(element: RefObject<HTMLElement | null>, onChange: (narrow: boolean) => void) {
  useLayoutEffect(() => {
    const node = element.current;
    if (!node) return;
    const look = () => node.clientWidth > 0 && onChange(node.clientWidth < narrowBelow);
    look();
    if (typeof ResizeObserver === "undefined") return;
    const sizes = new ResizeObserver(look);
    sizes.observe(node);
    return () => sizes.disconnect();
  }, [element, onChange]);
}

export function usePlace(name: string, scroller: RefObject<HTMLElement | null>) {
  useLayoutEffect(() => {
    const node = scroller.current;
    if (!node) return;
    node.scrollTop = places.get(name) ?? 0;
    const keep = () => places.set(name, node.scrollTop);
    node.addEventListener("scroll", keep, { passive: true });
    return () => node.removeEventListener("scroll", keep);
  }, [name, scroller]);
}

/** Whoever moves with the keys has the focus where the mark is, also when the row comes into being later. */
export function useSpotFocus(spot: Spot, editing: boolean, scroller: RefObject<HTMLElement | null>) {
  const wanted = useRef(false);
  const find = useCallback(
    () => scroller.current?.querySelector<HTMLElement>(`[data-spot="${spot.row}:${spot.column}"]`),
    [spot, scroller],
  );
  useEffect(() => {
    if (!wanted.current || editing) return;
    const cell = find();
    if (!cell) return;
    wanted.current = false;
    cell.focus({ preventScroll: true });
    keepInSight(cell, scroller.current);
  });
  return wanted;
}

/** A cell under the first column or beyond the edge is moved into sight. */
function keepInSight(cell: HTMLElement, scroller: HTMLElement | null) {
  const first = scroller?.querySelector<HTMLElement>("[role=gridcell][data-first]");
  if (!scroller || !first || cell === first || cell.hasAttribute("data-first")) return;
  const left = first.getBoundingClientRect().right;
  const box = cell.getBoundingClientRect();
  const right = scroller.getBoundingClientRect().right;
  if (box.left < left) scroller.scrollLeft -= left - box.left;
  else if (box.right > right) scroller.scrollLeft += box.right - right;
}
