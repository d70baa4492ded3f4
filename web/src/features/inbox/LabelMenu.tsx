import { Menu } from "@mantine/core";
import {
  Bookmark,
  Check,
  ChevronDown,
  Clock,
  File,
  Folder,
  Inbox,
  Mails,
  MessageCircle,
  OctagonAlert,
  Send,
  Star,
  Trash2,
  Users,
} from "lucide-react";
import type { ReactNode } from "react";
import type { InboxSearch } from "@/app/paths";
import { count } from "@/lib/format";
import type { Label } from "@/lib/types";
import { Swatch } from "@/ui/kit";
import classes from "./ListHead.module.css";
import { allMail, colleagues, drafts, effectiveLabel, outbox } from "./useInbox";

interface Props {
  search: InboxSearch;
  labels: Label[];
  /** Messages that were not sent. */
  failed?: number;
  /** Colleagues let the reader see mail of theirs. */
  others?: boolean;
  onChange: (next: Partial<InboxSearch>) => void;
}

/** Gmail's own names are in capitals. */
export const titled = (name: string) =>
  (categories[name] ?? /^[A-Z_]+$/.test(name))
    ? (categories[name] ?? name.charAt(0) + name.slice(1).toLowerCase().replace(/_/g, " "))
    : name;

/** As Gmail names its tabs. */
const categories: Record<string, string> = {
  CATEGORY_PERSONAL: "Primary",
  CATEGORY_SOCIAL: "Social",
  CATEGORY_PROMOTIONS: "Promotions",
  CATEGORY_UPDATES: "Updates",
  CATEGORY_FORUMS: "Forums",
};

const first = ["INBOX", "STARRED", "SENT", "IMPORTANT"];
/** Drafts, spam and trash have places of their own in the menu. */
const rare = ["CHAT"];

const placeNames: Record<string, string> = {
  [colleagues]: "Colleagues",
  [drafts]: "Drafts",
  [outbox]: "Outbox",
  SPAM: "Spam",
  TRASH: "Trash",
};

const icons: Record<string, typeof Inbox> = {
  INBOX: Inbox,
  STARRED: Star,
  SENT: Send,
  IMPORTANT: Bookmark,
  CHAT: MessageCircle,
};

function iconOf(id: string) {
  const Icon = icons[id] ?? Folder;
  return <Icon size={14} />;
}

export interface Menus {
  main: Label[];
  rare: Label[];
  own: { label: Label; depth: number; name: string }[];
  categories: Label[];
}

/** The labels in the order in which people look for them. What stands for a mark on a row, such as UNREAD, is none. */
export function arranged(labels: Label[]): Menus {
  const used = labels.filter((l) => l.chosen || l.total > 0);
  const pick = (ids: string[]) => ids.flatMap((id) => used.find((l) => l.id === id) ?? []);
  const own = used.filter((l) => l.type === "user").sort((a, b) => a.name.localeCompare(b.name, undefined, sorting));
  return {
    main: pick(first),
    rare: pick(rare),
    own: own.map((label) => nested(label, own)),
    categories: pick(Object.keys(categories)),
  };
}

const sorting = { sensitivity: "base", numeric: true } as const;

/** "Customers/Hotels" stands under "Customers" as "Hotels". */
function nested(label: Label, own: Label[]) {
  const parents = own.filter((p) => label.name.startsWith(`${p.name}/`));
  const longest = parents.reduce((n, p) => Math.max(n, p.name.length + 1), 0);
  return { label, depth: parents.length, name: label.name.slice(longest) };
}

/** As wide as an icon, so that all names stand below each other. */
const Sign = ({ colour }: { colour?: string }) => (
  <span className={classes.sign}>
    <Swatch colour={colour} />
  </span>
);

export function LabelMenu({ search, labels, failed = 0, others = false, onChange }: Props) {
  const current = effectiveLabel(search);
  const name =
    placeNames[current] ??
    (current === allMail
      ? search.q
        ? "Search"
        : "All mail"
      : (labels.find((l) => l.id === current)?.name ?? titled(current)));
  const { main, rare, own, categories } = arranged(labels);
  const choose = (id: string) => {
    const words = id === outbox || id === drafts ? { q: undefined } : {};
    onChange({ label: id === "INBOX" && !search.q ? undefined : id, thread: undefined, ...words });
  };
  const place = (id: string, icon: ReactNode, end?: ReactNode) => (
    <Menu.Item
      key={id}
      leftSection={icon}
      rightSection={current === id ? <Check size={14} /> : end}
      onClick={() => choose(id)}
    >
      {placeNames[id]}
    </Menu.Item>
  );
  const item = (label: Label, depth = 0, text = titled(label.name)) => (
    <Menu.Item
      key={label.id}
      onClick={() => choose(label.id)}
      style={depth ? { paddingLeft: 10 + depth * 16 } : undefined}
      title={depth ? label.name : undefined}
      leftSection={label.type === "user" ? <Sign colour={label.color} /> : iconOf(label.id)}
      rightSection={
        current === label.id ? (
          <Check size={14} />
        ) : label.unread > 0 ? (
          <span className={classes.unread}>{count(label.unread)}</span>
        ) : undefined
      }
    >
      {text}
    </Menu.Item>
  );
  return (
    <Menu position="bottom-start" width={236}>
      <Menu.Target>
        <button type="button" className={classes.title} aria-label={`Showing ${titled(name)}. Choose a label`}>
          {titled(name)}
          <ChevronDown size={14} />
        </button>
      </Menu.Target>
      <Menu.Dropdown className={classes.menu}>
        {main.map((l) => item(l))}
        {rare.map((l) => item(l))}
        <Menu.Item
          leftSection={<Mails size={14} />}
          onClick={() => choose(allMail)}
          rightSection={current === allMail ? <Check size={14} /> : undefined}
        >
          All mail
        </Menu.Item>
        {(others || current === colleagues) && place(colleagues, <Users size={14} />)}
        <Menu.Divider />
        {place(drafts, <File size={14} />)}
        {place(
          outbox,
          <Clock size={14} />,
          failed > 0 && <span className={classes.failed}>{count(failed)} not sent</span>,
        )}
        {place("SPAM", <OctagonAlert size={14} />)}
        {place("TRASH", <Trash2 size={14} />)}
        {own.length > 0 && <Menu.Divider />}
        {own.length > 0 && <Menu.Label>Labels</Menu.Label>}
        {own.map(({ label, depth, name: text }) => item(label, depth, text))}
        {categories.length > 0 && <Menu.Divider />}
        {categories.length > 0 && <Menu.Label>Categories</Menu.Label>}
        {categories.map((l) => item(l))}
      </Menu.Dropdown>
    </Menu>
  );
}
