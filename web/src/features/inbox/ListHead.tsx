import { ActionIcon, Menu } from "@mantine/core";
import { AtSign, Check, ChevronDown, MailOpen, Paperclip, RefreshCw } from "lucide-react";
import type { RefObject } from "react";
import type { InboxSearch } from "@/app/paths";
import { count, plural } from "@/lib/format";
import type { Known } from "@/lib/search";
import type { GoogleStatus, Label } from "@/lib/types";
import { cx, Hint } from "@/ui/kit";
import classes from "./ListHead.module.css";
import { SearchBar } from "./SearchBar";
import { allMail, effectiveLabel } from "./useInbox";

interface Props {
  search: InboxSearch;
  status: GoogleStatus | undefined;
  labels: Label[];
  known: Known;
  input: RefObject<HTMLInputElement | null>;
  total: number | undefined;
  isSyncing: boolean;
  onChange: (next: Partial<InboxSearch>) => void;
  onSync: () => void;
  onDone: () => void;
}

/** Above the list: what is listed, the search, the filters, the sync. */
export function ListHead({ search, status, labels, known, input, total, isSyncing, onChange, onSync, onDone }: Props) {
  const accounts = status?.connections ?? [];
  return (
    <header className={classes.head}>
      <div className={classes.line}>
        <h1 className="visually-hidden">Inbox</h1>
        <LabelMenu search={search} labels={labels} onChange={onChange} />
        <span className={classes.total}>{total === undefined ? "" : plural(total, "conversation")}</span>
        <Hint label="Sync now" keys="⇧ N">
          <ActionIcon aria-label="Sync now" onClick={onSync} disabled={isSyncing}>
            <RefreshCw size={15} className={cx(isSyncing && classes.turning)} />
          </ActionIcon>
        </Hint>
      </div>
      <div className={classes.line}>
        <SearchBar
          value={search.q}
          known={known}
          input={input}
          onChange={(q) => onChange({ q, thread: undefined })}
          onDone={onDone}
        />
        <Hint label="Unread only" keys="⇧ U">
          <ActionIcon
            size={32}
            aria-label="Unread only"
            aria-pressed={Boolean(search.unread)}
            onClick={() => onChange({ unread: search.unread ? undefined : true })}
          >
            <MailOpen size={16} />
          </ActionIcon>
        </Hint>
        <Hint label="With files only">
          <ActionIcon
            size={32}
            aria-label="With files only"
            aria-pressed={Boolean(search.files)}
            onClick={() => onChange({ files: search.files ? undefined : true })}
          >
            <Paperclip size={16} />
          </ActionIcon>
        </Hint>
        {accounts.length > 1 && <AccountMenu search={search} accounts={accounts} onChange={onChange} />}
      </div>
    </header>
  );
}

type MenuProps = Pick<Props, "search" | "labels" | "onChange">;

function LabelMenu({ search, labels, onChange }: MenuProps) {
  const current = effectiveLabel(search);
  const name =
    current === allMail
      ? search.q
        ? "Search"
        : "All mail"
      : (labels.find((l) => l.id === current)?.name ?? titled(current));
  const system = labels.filter((l) => l.type === "system" && (l.chosen || l.total > 0));
  const own = labels.filter((l) => l.type === "user" && (l.chosen || l.total > 0));
  const item = (label: Label) => (
    <Menu.Item
      key={label.id}
      onClick={() => onChange({ label: label.id === "INBOX" && !search.q ? undefined : label.id, thread: undefined })}
      leftSection={
        label.type === "user" ? (
          <span className={classes.swatch} style={{ background: label.color || "var(--ink-3)" }} />
        ) : undefined
      }
      rightSection={
        current === label.id ? (
          <Check size={14} />
        ) : label.unread > 0 ? (
          <span className={classes.unread}>{count(label.unread)}</span>
        ) : undefined
      }
    >
      {titled(label.name)}
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
        <Menu.Item
          onClick={() => onChange({ label: allMail, thread: undefined })}
          rightSection={current === allMail ? <Check size={14} /> : undefined}
        >
          All mail
        </Menu.Item>
        {system.map(item)}
        {own.length > 0 && <Menu.Divider />}
        {own.length > 0 && <Menu.Label>Labels</Menu.Label>}
        {own.map(item)}
      </Menu.Dropdown>
    </Menu>
  );
}

/** Gmail's own names are in capitals. */
export const titled = (name: string) =>
  /^[A-Z_]+$/.test(name) ? name.charAt(0) + name.slice(1).toLowerCase().replace(/_/g, " ") : name;

function AccountMenu({
  search,
  accounts,
  onChange,
}: Pick<Props, "search" | "onChange"> & { accounts: GoogleStatus["connections"] }) {
  return (
    <Menu position="bottom-end" width={260}>
      <Menu.Target>
        <ActionIcon size={32} aria-label="Choose the account" aria-pressed={Boolean(search.account)}>
          <AtSign size={16} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item
          onClick={() => onChange({ account: undefined, thread: undefined })}
          rightSection={!search.account && <Check size={14} />}
        >
          All accounts
        </Menu.Item>
        {accounts.map((a) => (
          <Menu.Item
            key={a.id}
            onClick={() => onChange({ account: a.id, thread: undefined })}
            rightSection={search.account === a.id && <Check size={14} />}
          >
            {a.google_email}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
