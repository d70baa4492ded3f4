import { useQuery } from "@tanstack/react-query";
import { Search, X } from "lucide-react";
import { type KeyboardEvent, type RefObject, useEffect, useId, useMemo, useRef, useState } from "react";
import { useWorkspaceId } from "@/app/session";
import { usePaused } from "@/hooks/usePaused";
import { useSent } from "@/hooks/useSent";
import { googleIntegrationApi } from "@/lib/api";
import { keys } from "@/lib/keys";
import { complete, fromServer, type Known, type Suggestion, suggest, together } from "@/lib/search";
import { isHalfTyped } from "@/lib/searchDoubts";
import { cx } from "@/ui/kit";
import pieces from "@/ui/pieces.module.css";
import classes from "./SearchBar.module.css";

interface Props {
  value: string | undefined;
  known: Known;
  input: RefObject<HTMLInputElement | null>;
  onChange: (value: string | undefined) => void;
  /** Enter: the reader wants to go to the results. */
  onDone: () => void;
}

const pause = 250;

/** The search line. It searches while one types, and offers what could come next. */
export function SearchBar({ value, known, input, onChange, onDone }: Props) {
  const [text, setText] = useState(value ?? "");
  const [caret, setCaret] = useState(0);
  const [offered, setOffered] = useState(false);
  const [at, setAt] = useState(-1);
  const sent = useSent(value ?? "");
  const list = useId();
  const more = useServer(offered ? text.slice(0, caret) : "");
  const suggestions = useMemo(
    () => (offered ? together(suggest(text, caret, known), fromServer(text, caret, more)) : []),
    [offered, text, caret, known, more],
  );

  useEffect(() => {
    if (sent.isForeign(value ?? "")) setText(value ?? "");
  }, [value, sent]);

  const send = (next: string) => {
    if (sent.send(next.trim())) onChange(next.trim() || undefined);
  };
  const latest = useRef(send);
  latest.current = send;
  useEffect(() => {
    if (isHalfTyped(text, known.labels)) return;
    const timer = setTimeout(() => latest.current(text), pause);
    return () => clearTimeout(timer);
  }, [text, known.labels]);

  const type = (next: string, position: number) => {
    setText(next);
    setCaret(position);
    setOffered(true);
    setAt(-1);
  };
  const take = (s: Suggestion) => {
    const done = complete(text, caret, s);
    type(done.text, done.caret);
    requestAnimationFrame(() => input.current?.setSelectionRange(done.caret, done.caret));
  };
  const leave = () => {
    setOffered(false);
    send(text);
    input.current?.blur();
    onDone();
  };
  const onKeyDown = (event: KeyboardEvent<HTMLInputElement>) => {
    const chosen = suggestions[at];
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && suggestions.length > 0) setAt((at + step + suggestions.length + 1) % (suggestions.length + 1));
    else if ((event.key === "Enter" || event.key === "Tab") && chosen) take(chosen);
    else if (event.key === "Enter" && !event.nativeEvent.isComposing) leave();
    else if (event.key === "Escape" && offered && suggestions.length > 0) setOffered(false);
    else if (event.key === "Escape") leave();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const open = suggestions.length > 0;
  return (
    <search className={classes.search}>
      <Search size={15} className={classes.icon} />
      <input
        ref={input}
        type="text"
        className={classes.input}
        placeholder="Search mail"
        aria-label="Search mail"
        role="combobox"
        aria-expanded={open}
        aria-controls={list}
        aria-autocomplete="list"
        aria-activedescendant={suggestions[at] ? `${list}-${at}` : undefined}
        autoComplete="off"
        spellCheck={false}
        enterKeyHint="search"
        value={text}
        onChange={(event) => type(event.target.value, event.target.selectionStart ?? event.target.value.length)}
        onFocus={() => setOffered(true)}
        onBlur={() => setOffered(false)}
        onKeyDown={onKeyDown}
      />
      {text ? (
        <button
          type="button"
          className={cx(pieces.sign, classes.clear)}
          aria-label="Clear the search"
          onClick={() => {
            setText("");
            send("");
            input.current?.focus();
          }}
        >
          <X size={14} />
        </button>
      ) : (
        <kbd className={classes.key}>/</kbd>
      )}
      <div
        id={list}
        role="listbox"
        aria-label="Search operators"
        className={cx(pieces.floating, classes.list)}
        hidden={!open}
      >
        {suggestions.map((s, i) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the keys belong to the input, which keeps the focus
          <div
            key={s.label}
            id={`${list}-${i}`}
            role="option"
            tabIndex={-1}
            aria-selected={i === at}
            className={cx(pieces.option, classes.option)}
            onMouseDown={(event) => event.preventDefault()}
            onClick={() => take(s)}
          >
            <span className={pieces.clip}>{s.label}</span>
            <span className={cx(pieces.clip, classes.hint)}>{s.hint}</span>
          </div>
        ))}
      </div>
    </search>
  );
}

const none: { text: string; hint: string }[] = [];

/** People and labels of all mail, not only of what is at hand. */
function useServer(typed: string) {
  const workspaceId = useWorkspaceId();
  const asked = usePaused(typed, 120);
  const { data } = useQuery({
    queryKey: keys.suggest(workspaceId, asked),
    queryFn: ({ signal }) => googleIntegrationApi.suggest(workspaceId, asked, signal),
    enabled: asked.trim().length > 1,
    staleTime: 60_000,
    retry: false,
  });
  return asked === typed && data ? data.items.filter((s) => s.kind !== "operator") : none;
}
