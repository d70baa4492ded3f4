import { Popover } from "@mantine/core";
import { Check, Plus, Search } from "lucide-react";
import { type KeyboardEvent, type ReactElement, useEffect, useId, useRef, useState } from "react";
import type { Label } from "@/lib/types";
import { cx, Swatch } from "@/ui/kit";
import pieces from "@/ui/pieces.module.css";
import { titled } from "./LabelMenu";
import classes from "./LabelPicker.module.css";
import type { Thread } from "./threads";

export interface LabelChoice {
  label: { id: string; name: string };
  on: boolean;
}

interface Props {
  opened: boolean;
  onOpened: (opened: boolean) => void;
  labels: Label[];
  threads: Thread[];
  onChoose: (choice: LabelChoice) => void;
  onCreate: (name: string) => void;
  children: ReactElement;
}

/** Labels that a person gives: their own, and the mark of importance. */
const givable = (l: Label) => l.type === "user" || l.id === "IMPORTANT";

export type Worn = "all" | "some" | "none";

/** Whether conversations wear a label. */
export function worn(threads: Thread[], id: string): Worn {
  const n = threads.filter((t) => t.newest.labels.includes(id)).length;
  return n === 0 ? "none" : n === threads.length ? "all" : "some";
}

/** What can be chosen for the words that were typed; a new label where none has this name. */
export function offered(labels: Label[], text: string): { found: Label[]; create: string | undefined } {
  const word = text.trim().toLowerCase();
  const found = labels
    .filter(givable)
    .filter((l) => titled(l.name).toLowerCase().includes(word))
    .sort((a, b) => a.name.localeCompare(b.name));
  const taken = labels.some((l) => titled(l.name).toLowerCase() === word || l.name.toLowerCase() === word);
  return { found, create: word && !taken ? text.trim() : undefined };
}

/** Labels of conversations: search, tick, or make a new one. */
export function LabelPicker({ opened, onOpened, children, ...rest }: Props) {
  return (
    <Popover
      opened={opened}
      onChange={onOpened}
      position="bottom-end"
      offset={4}
      trapFocus
      returnFocus
      withinPortal
      shadow="none"
      transitionProps={{ transition: "pop", duration: 120 }}
    >
      <Popover.Target>{children}</Popover.Target>
      <Popover.Dropdown p={0} bd={0} bg="transparent" aria-label="Labels">
        <Panel {...rest} onDone={() => onOpened(false)} />
      </Popover.Dropdown>
    </Popover>
  );
}

function Panel({
  labels,
  threads,
  onChoose,
  onCreate,
  onDone,
}: Pick<Props, "labels" | "threads" | "onChoose" | "onCreate"> & { onDone: () => void }) {
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const list = useId();
  const chosen = useRef<HTMLDivElement>(null);
  const { found, create } = offered(labels, text);
  const count = found.length + (create ? 1 : 0);
  const current = Math.min(at, Math.max(0, count - 1));
  // biome-ignore lint/correctness/useExhaustiveDependencies: the row in sight changes with `current`
  useEffect(() => {
    chosen.current?.scrollIntoView?.({ block: "nearest" });
  }, [current]);
  const take = (i: number) => {
    const label = found[i];
    if (label) onChoose({ label, on: worn(threads, label.id) !== "all" });
    else if (create) onCreate(create);
    else return;
    onDone();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    event.stopPropagation();
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) setAt((current + step + count) % Math.max(1, count));
    else if (event.key === "Enter" && !event.nativeEvent.isComposing) take(current);
    else if (event.key === "Escape") onDone();
    else return;
    event.preventDefault();
  };
  return (
    <div className={cx(pieces.floating, classes.panel)}>
      <div className={classes.search}>
        <Search size={14} />
        <input
          data-autofocus
          className={cx(pieces.line, classes.input)}
          placeholder="Label as"
          aria-label="Label as"
          role="combobox"
          aria-expanded
          aria-controls={list}
          aria-activedescendant={count > 0 ? `${list}-${current}` : undefined}
          autoComplete="off"
          value={text}
          onChange={(event) => {
            setText(event.target.value);
            setAt(0);
          }}
          onKeyDown={onKeyDown}
        />
      </div>
      <div id={list} role="listbox" aria-label="Labels" aria-multiselectable className={classes.list}>
        {found.map((label, i) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the keys belong to the input, which keeps the focus
          <div
            key={label.id}
            id={`${list}-${i}`}
            ref={i === current ? chosen : undefined}
            role="option"
            tabIndex={-1}
            aria-selected={i === current}
            aria-checked={worn(threads, label.id) === "all"}
            className={pieces.option}
            onMouseMove={() => setAt(i)}
            onMouseDown={(event) => event.preventDefault()}
            onClick={() => take(i)}
          >
            <Swatch colour={label.color} />
            <span className={cx(pieces.clip, classes.name)}>{titled(label.name)}</span>
            <Tick worn={worn(threads, label.id)} />
          </div>
        ))}
        {create && (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the keys belong to the input, which keeps the focus
          <div
            id={`${list}-${found.length}`}
            ref={current === found.length ? chosen : undefined}
            role="option"
            tabIndex={-1}
            aria-selected={current === found.length}
            className={pieces.option}
            onMouseMove={() => setAt(found.length)}
            onMouseDown={(event) => event.preventDefault()}
            onClick={() => take(found.length)}
          >
            <Plus size={13} />
            <span className={cx(pieces.clip, classes.name)}>Create “{create}”</span>
          </div>
        )}
      </div>
      {count === 0 && <p className={classes.none}>No labels yet. Type a name to make one.</p>}
    </div>
  );
}

function Tick({ worn }: { worn: Worn }) {
  if (worn === "all") return <Check size={14} aria-hidden />;
  return worn === "some" ? <span className={classes.some} /> : null;
}
