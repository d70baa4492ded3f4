/** A searchable list to choose from, for popovers: the keys move in the list while the line keeps the focus. */
import { Check, Plus } from "lucide-react";
import { type KeyboardEvent, type ReactNode, useEffect, useId, useRef, useState } from "react";
import classes from "./Picker.module.css";

export interface Choice {
  value: string;
  label: string;
  note?: ReactNode;
  icon?: ReactNode;
}

interface Props {
  /** What is chosen: said to screen readers, and written in the empty line. */
  label: string;
  choices: Choice[];
  chosen?: string[];
  /** Stays open, and ticks what is chosen. */
  multiple?: boolean;
  loading?: boolean;
  /** Choices are found elsewhere by what is typed; without it they are filtered here. */
  onSearch?: (text: string) => void;
  onChoose: (value: string) => void;
  /** Offers to make what was typed. */
  onCreate?: (text: string) => void;
  /** The words before what would be made. */
  createLabel?: string;
  onClose?: () => void;
  foot?: ReactNode;
}

const same = (a: string, b: string) => a.trim().toLowerCase() === b.trim().toLowerCase();

export function Picker(props: Props) {
  const { label, choices, chosen = [], multiple, loading, onSearch, onChoose, onCreate, onClose } = props;
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const id = useId();
  const list = useRef<HTMLDivElement>(null);
  const line = useRef<HTMLInputElement>(null);
  useEffect(() => line.current?.focus({ preventScroll: true }), []);
  const found = onSearch ? choices : choices.filter((c) => holds(`${c.label} ${c.note ?? ""}`, text));
  const creates = onCreate && text.trim() && !choices.some((c) => same(c.label, text)) ? text.trim() : undefined;
  const count = found.length + (creates ? 1 : 0);
  const current = Math.min(at, Math.max(0, count - 1));
  // biome-ignore lint/correctness/useExhaustiveDependencies: the marked row changes with `current`
  useEffect(() => {
    list.current?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" });
  }, [current]);

  const choose = (index: number) => {
    const choice = found[index];
    if (choice) onChoose(choice.value);
    else if (creates) onCreate?.(creates);
    if (multiple) setText("");
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) setAt((current + step + count) % Math.max(1, count));
    else if (event.key === "Enter" && !event.nativeEvent.isComposing) choose(current);
    else if (event.key === "Escape" && onClose) onClose();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div className={classes.picker}>
      <input
        ref={line}
        className={classes.input}
        placeholder={label}
        aria-label={label}
        role="combobox"
        aria-expanded="true"
        aria-controls={id}
        aria-activedescendant={count > 0 ? `${id}-${current}` : undefined}
        autoComplete="off"
        spellCheck={false}
        value={text}
        onKeyDown={onKeyDown}
        onChange={(event) => {
          setText(event.target.value);
          setAt(0);
          onSearch?.(event.target.value);
        }}
      />
      <div className={classes.list} id={id} role="listbox" aria-label={label} ref={list}>
        {found.map((choice, i) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the keys belong to the line, which keeps the focus
          <div
            key={choice.value}
            id={`${id}-${i}`}
            role="option"
            tabIndex={-1}
            aria-selected={i === current}
            className={classes.option}
            onMouseMove={() => setAt(i)}
            onMouseDown={(event) => event.preventDefault()}
            onClick={() => choose(i)}
          >
            {choice.icon && <span className={classes.icon}>{choice.icon}</span>}
            <span className={classes.label}>{choice.label}</span>
            {choice.note && <span className={classes.note}>{choice.note}</span>}
            {chosen.includes(choice.value) && <Check size={14} aria-label="chosen" />}
          </div>
        ))}
        {creates && (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the keys belong to the line, which keeps the focus
          <div
            id={`${id}-${found.length}`}
            role="option"
            tabIndex={-1}
            aria-selected={current === found.length}
            className={classes.option}
            onMouseMove={() => setAt(found.length)}
            onMouseDown={(event) => event.preventDefault()}
            onClick={() => choose(found.length)}
          >
            <span className={classes.icon}>
              <Plus size={14} />
            </span>
            <span className={classes.label}>
              {props.createLabel ?? "Make"} “{creates}”
            </span>
          </div>
        )}
      </div>
      {count === 0 && <p className={classes.none}>{loading ? "Looking" : "Nothing found"}</p>}
      {props.foot}
    </div>
  );
}

const holds = (text: string, words: string) =>
  words
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.toLowerCase().includes(word));
