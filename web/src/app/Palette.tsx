import { useNavigate } from "@tanstack/react-router";
import { CornerDownLeft, Mail, Search } from "lucide-react";
import { type KeyboardEvent, type ReactNode, useEffect, useId, useRef, useState } from "react";
import { type Action, useAvailableActions } from "@/actions/actions";
import { shown } from "@/actions/keys";
import { useObjects } from "@/hooks/useRecords";
import { displayName } from "@/lib/people";
import { secondLine } from "@/lib/recordFields";
import type { EmailListItem } from "@/lib/types";
import { Avatar, cx, Kbd, Time } from "@/ui/kit";
import { Marked } from "@/ui/Marked";
import pieces from "@/ui/pieces.module.css";
import { RecordMark } from "@/ui/RecordMark";
import classes from "./Palette.module.css";
import { usePaletteMail } from "./paletteMail";
import { usePaletteRecords } from "./paletteRecords";
import { paths } from "./paths";

interface Item {
  id: string;
  group: string;
  label: ReactNode;
  icon: ReactNode;
  end?: ReactNode;
  note?: ReactNode;
  /** A second line: why it was found. */
  why?: ReactNode;
  run: () => void;
}

/** One line to reach everything: pages, actions, mail. */
export function Palette({ workspaceId, onClose }: { workspaceId: string; onClose: () => void }) {
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const dialog = useRef<HTMLDialogElement>(null);
  const list = useId();
  const items = useItems(workspaceId, text.trim());
  const current = Math.min(at, Math.max(0, items.length - 1));

  useEffect(() => {
    const before = document.activeElement;
    dialog.current?.showModal();
    return () => {
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);

  const run = (item: Item | undefined) => {
    if (!item) return;
    onClose();
    item.run();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) setAt((current + step + items.length) % Math.max(1, items.length));
    else if (event.key === "Enter" && !event.nativeEvent.isComposing) run(items[current]);
    else return;
    event.preventDefault();
  };
  return (
    <dialog
      ref={dialog}
      className={classes.dialog}
      aria-label="Search or jump to"
      aria-modal="true"
      onCancel={onClose}
      onClose={onClose}
      onClick={(event) => event.target === dialog.current && onClose()}
      onKeyDown={onKeyDown}
    >
      <div className={classes.panel}>
        <div className={classes.line}>
          <Search size={16} />
          <input
            autoFocus
            className={cx(pieces.line, classes.input)}
            placeholder="Search records, mail, pages and actions"
            aria-label="Search records, mail, pages and actions"
            role="combobox"
            aria-expanded={items.length > 0}
            aria-controls={list}
            aria-activedescendant={items[current] ? `${list}-${current}` : undefined}
            autoComplete="off"
            spellCheck={false}
            value={text}
            onChange={(event) => {
              setText(event.target.value);
              setAt(0);
            }}
          />
        </div>
        <Options id={list} items={items} current={current} onHover={setAt} onRun={run} />
        <div className={classes.foot}>
          <span>
            <Kbd keys="↑ ↓" /> move
          </span>
          <span>
            <Kbd keys="Enter" /> choose
          </span>
          <span>
            <Kbd keys="Esc" /> close
          </span>
        </div>
      </div>
    </dialog>
  );
}

interface OptionsProps {
  id: string;
  items: Item[];
  current: number;
  onHover: (at: number) => void;
  onRun: (item: Item) => void;
}

function Options({ id, items, current, onHover, onRun }: OptionsProps) {
  const chosen = useRef<HTMLDivElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the chosen row changes with `current`
  useEffect(() => {
    chosen.current?.scrollIntoView({ block: "nearest" });
  }, [current]);
  return (
    <div className={classes.list} id={id} role="listbox" aria-label="Results">
      {items.map((item, i) => (
        <div key={item.id} role="presentation">
          {item.group !== items[i - 1]?.group && <p className={classes.group}>{item.group}</p>}
          {/* biome-ignore lint/a11y/useKeyWithClickEvents: the keys belong to the input, which keeps the focus */}
          <div
            id={`${id}-${i}`}
            ref={i === current ? chosen : undefined}
            role="option"
            tabIndex={-1}
            aria-selected={i === current}
            className={cx(pieces.option, classes.option)}
            onMouseMove={() => onHover(i)}
            onClick={() => onRun(item)}
          >
            <span className={classes.icon}>{item.icon}</span>
            <span className={cx(pieces.clip, classes.label)}>
              {item.label}
              {item.note && <span className={classes.note}>{item.note}</span>}
              {item.why && <span className={classes.why}>{item.why}</span>}
            </span>
            <span className={classes.end}>{i === current && !item.end ? <CornerDownLeft size={14} /> : item.end}</span>
          </div>
        </div>
      ))}
      {items.length === 0 && <p className={classes.none}>Nothing found</p>}
    </div>
  );
}

function useItems(workspaceId: string, text: string): Item[] {
  const navigate = useNavigate();
  const actions = useAvailableActions().filter((a) => a.id !== "palette" && !a.quiet && finds(a, text));
  const { words, people, mail, texts } = usePaletteMail(workspaceId, text);
  const records = usePaletteRecords(workspaceId, text);
  const { objectOf } = useObjects(workspaceId);
  const items = actions.map(fromAction);
  if (text.length < 2) return items;
  const open = (search: { q?: string; thread?: string; box?: string }) => void navigate({ to: paths.inbox, search });
  const row = (m: EmailListItem, group: string, why?: string): Item => ({
    id: `${group} ${m.id}`,
    group,
    label: <Marked text={m.subject || "(no subject)"} words={words} />,
    note: <Marked text={displayName(m.from_name, m.from_email)} words={words} />,
    why: why && <Marked text={why} words={words} />,
    icon: <Avatar name={m.from_name} email={m.from_email} size={20} />,
    end: <Time iso={m.gmail_date} />,
    run: () => open({ q: text, thread: m.gmail_thread_id, box: m.connection_id }),
  });
  return [
    ...items.slice(0, 6),
    ...records.map((r) => ({
      id: `record ${r.id}`,
      group: "Records",
      label: <Marked text={r.name} words={words} />,
      note: <Marked text={secondLine(r) || r.emails[0]?.value || ""} words={words} />,
      icon: <RecordMark record={r} icon={objectOf(r.type)?.icon} size={20} />,
      end: objectOf(r.type)?.name,
      run: () => void navigate({ to: paths.record, params: { record: r.id } }),
    })),
    ...people.map((p) => ({
      id: `from ${p.email}`,
      group: "Senders",
      label: <Marked text={displayName(p.name, p.email)} words={words} />,
      note: p.name ? <Marked text={p.email} words={words} /> : undefined,
      icon: <Avatar name={p.name} email={p.email} size={20} />,
      end: "All mail from them",
      run: () => open({ q: `from:${p.email}` }),
    })),
    ...mail.map((m) => row(m, "Mail")),
    ...texts.map(({ email, why }) => row(email, "Mail with these words in the text", why)),
    {
      id: "search",
      group: "Search",
      label: `Search all mail for “${text}”`,
      icon: <Mail size={16} />,
      run: () => open({ q: text }),
    },
  ];
}

function finds(action: Action, text: string): boolean {
  const words = `${action.group} ${action.label} ${action.words ?? ""}`.toLowerCase();
  return text
    .toLowerCase()
    .split(/\s+/)
    .every((part) => words.includes(part));
}

function fromAction(action: Action): Item {
  const Icon = action.icon;
  return {
    id: action.id,
    group: action.group,
    label: action.label,
    icon: Icon ? <Icon size={16} /> : null,
    end: action.keys?.[0] ? <Kbd keys={shown(action.keys[0])} /> : undefined,
    run: action.run,
  };
}
