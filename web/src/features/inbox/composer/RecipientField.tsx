import { useQuery } from "@tanstack/react-query";
import { X } from "lucide-react";
import { type ClipboardEvent, type KeyboardEvent, type ReactNode, type Ref, useId, useState } from "react";
import { usePaused } from "@/hooks/usePaused";
import { googleIntegrationApi } from "@/lib/api";
import { keys } from "@/lib/keys";
import { parseAddress } from "@/lib/people";
import { Avatar, cx } from "@/ui/kit";
import pieces from "@/ui/pieces.module.css";
import classes from "./Composer.module.css";
import { addressesIn, isAddress } from "./letter";

interface Props {
  workspaceId: string;
  label: string;
  value: string[];
  onChange: (next: string[]) => void;
  aside?: ReactNode;
  input?: Ref<HTMLInputElement>;
}

interface Found {
  name: string;
  email: string;
}

/** People a message goes to: each one a chip, with those one writes with offered while typing. */
export function RecipientField({ workspaceId, label, value, onChange, aside, input }: Props) {
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const [focused, setFocused] = useState(false);
  const list = useId();
  const found = usePeople(workspaceId, focused ? text : "").filter(
    (p) => !value.some((v) => parseAddress(v).email.toLowerCase() === p.email.toLowerCase()),
  );
  const open = focused && found.length > 0;
  const current = Math.min(at, found.length - 1);
  const add = (more: string[]) => {
    const known = new Set(value.map((v) => parseAddress(v).email.toLowerCase()));
    const fresh = more.filter((m) => !known.has(parseAddress(m).email.toLowerCase()));
    if (fresh.length > 0) onChange([...value, ...fresh]);
    setText("");
    setAt(0);
  };
  const take = (p: Found | undefined) => p && add([p.name ? `${p.name} <${p.email}>` : p.email]);
  const commit = () => text.trim() && add(addressesIn(text));
  const onKeyDown = (event: KeyboardEvent<HTMLInputElement>) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const enter = event.key === "Enter" || event.key === "Tab";
    if (event.ctrlKey || event.metaKey) return;
    if (step && open) setAt((current + step + found.length) % found.length);
    else if (enter && open && text.trim() && !isAddress(text)) take(found[current]);
    else if ((event.key === "Enter" || event.key === "," || event.key === ";") && text.trim()) commit();
    else if (event.key === "Backspace" && text === "" && value.length > 0) onChange(value.slice(0, -1));
    else if (event.key === "Escape" && open) setText("");
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const onPaste = (event: ClipboardEvent) => {
    const pasted = event.clipboardData.getData("text");
    if (!/[,;\n]|@\S+\s+\S+@/.test(pasted)) return;
    event.preventDefault();
    add(addressesIn(text + pasted));
  };
  return (
    <div className={classes.field}>
      <span className={classes.fieldLabel} id={`${list}-label`}>
        {label}
      </span>
      <div className={classes.chips}>
        {value.map((v) => (
          <Chip key={v} value={v} onRemove={() => onChange(value.filter((x) => x !== v))} />
        ))}
        <input
          ref={input}
          className={classes.bare}
          data-typed={text !== "" || undefined}
          type="text"
          role="combobox"
          aria-labelledby={`${list}-label`}
          aria-expanded={open}
          aria-controls={list}
          aria-autocomplete="list"
          aria-activedescendant={open ? `${list}-${current}` : undefined}
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          inputMode="email"
          value={text}
          onChange={(event) => {
            setText(event.target.value);
            setAt(0);
          }}
          onFocus={() => setFocused(true)}
          onBlur={() => {
            setFocused(false);
            commit();
          }}
          onKeyDown={onKeyDown}
          onPaste={onPaste}
        />
        <div
          id={list}
          role="listbox"
          aria-label="People"
          className={cx(pieces.floating, classes.people)}
          hidden={!open}
        >
          {found.map((p, i) => (
            // biome-ignore lint/a11y/useKeyWithClickEvents: the keys belong to the input, which keeps the focus
            <div
              key={p.email}
              id={`${list}-${i}`}
              role="option"
              tabIndex={-1}
              aria-selected={i === current}
              className={cx(pieces.option, classes.person)}
              onMouseDown={(event) => event.preventDefault()}
              onMouseMove={() => setAt(i)}
              onClick={() => take(p)}
            >
              <Avatar name={p.name} email={p.email} size={22} />
              <span className={pieces.clip}>{p.name || p.email}</span>
              {p.name && <span className={cx(pieces.clip, classes.personEmail)}>{p.email}</span>}
            </div>
          ))}
        </div>
      </div>
      {aside}
    </div>
  );
}

function Chip({ value, onRemove }: { value: string; onRemove: () => void }) {
  const { name, email } = parseAddress(value);
  const good = isAddress(value);
  return (
    <span className={classes.chip} data-wrong={!good || undefined} title={good ? email : "This is no e-mail address"}>
      <span className={pieces.clip}>{name || email}</span>
      {!good && <span className="visually-hidden"> is no e-mail address</span>}
      <button type="button" className={pieces.sign} aria-label={`Remove ${name || email}`} onClick={onRemove}>
        <X size={12} />
      </button>
    </span>
  );
}

/** Those the reader writes with, whose name or address has the words. */
function usePeople(workspaceId: string, text: string): Found[] {
  const words = text.trim().toLowerCase().split(/\s+/).filter(Boolean);
  const asked = usePaused(words[0] ?? "", 120);
  const { data } = useQuery({
    queryKey: keys.suggest(workspaceId, `to:${asked}`),
    queryFn: ({ signal }) => googleIntegrationApi.suggest(workspaceId, `to:${asked}`, signal),
    enabled: asked.length > 0,
    staleTime: 60_000,
    placeholderData: (previous) => previous,
    retry: false,
  });
  if (words.length === 0 || !asked) return [];
  return (data?.items ?? [])
    .filter((s) => s.kind === "person")
    .map((s) => ({ name: s.hint, email: s.text.replace(/^.*to:/, "") }))
    .filter((p) => words.every((w) => `${p.name} ${p.email}`.toLowerCase().includes(w)))
    .slice(0, 6);
}
