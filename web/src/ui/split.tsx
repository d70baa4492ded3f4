import { type KeyboardEvent, type PointerEvent, useRef } from "react";
import classes from "./split.module.css";

interface Props {
  label: string;
  width: number;
  min: number;
  max: number;
  /** The pane is at the left of the handle, or at the right of it. */
  pane: "left" | "right";
  onChange: (width: number) => void;
}

/** The border between two panes: drag it, or move it with the arrow keys; a double click puts it back. */
export function SplitHandle({ label, width, min, max, pane, onChange, initial }: Props & { initial: number }) {
  const start = useRef<{ x: number; width: number } | null>(null);
  const sign = pane === "left" ? 1 : -1;
  const set = (next: number) => onChange(Math.round(Math.min(max, Math.max(min, next))));
  const onPointerDown = (event: PointerEvent<HTMLDivElement>) => {
    event.currentTarget.setPointerCapture(event.pointerId);
    start.current = { x: event.clientX, width };
  };
  const onPointerMove = (event: PointerEvent) => {
    if (start.current) set(start.current.width + sign * (event.clientX - start.current.x));
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowLeft: -16, ArrowRight: 16 }[event.key];
    if (!step) return;
    event.preventDefault();
    set(width + sign * step);
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: a border that can be moved is a separator, not a rule
    <div
      role="separator"
      aria-orientation="vertical"
      aria-label={label}
      aria-valuenow={width}
      aria-valuemin={min}
      aria-valuemax={max}
      tabIndex={0}
      className={classes.handle}
      onPointerDown={onPointerDown}
      onPointerMove={onPointerMove}
      onPointerUp={() => {
        start.current = null;
      }}
      onKeyDown={onKeyDown}
      onDoubleClick={() => set(initial)}
    />
  );
}
