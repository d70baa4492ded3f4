import { ActionIcon, Menu } from "@mantine/core";
import { AtSign, Check, ListChecks, MailOpen, Paperclip, PenLine, RefreshCw, Star } from "lucide-react";
import type { ReactNode, RefObject } from "react";
import type { InboxSearch } from "@/app/paths";
import { lastSync } from "@/lib/connection";
import { longDate } from "@/lib/format";
import type { Known } from "@/lib/search";
import type { GoogleStatus, Label } from "@/lib/types";
import { cx, Hint } from "@/ui/kit";
import { LabelMenu } from "./LabelMenu";
import classes from "./ListHead.module.css";
import { RecordFilter } from "./RecordFilter";
import { SearchBar } from "./SearchBar";
import { SearchDoubts } from "./SearchDoubts";

interface Props {
  workspaceId: string;
  search: InboxSearch;
  status: GoogleStatus | undefined;
  labels: Label[];
  known: Known;
  input: RefObject<HTMLInputElement | null>;
  /** How much there is, in words. */
  total: string;
  isSyncing: boolean;
  /** In place of the first line while conversations are ticked. */
  bar: ReactNode;
  /** Messages that were not sent. */
  failed: number;
  /** Colleagues let the reader see mail of theirs. */
  others: boolean;
  onTick?: () => void;
  onCompose?: () => void;
  onChange: (next: Partial<InboxSearch>) => void;
  onSync: () => void;
  onDone: () => void;
}

/** Above the list: what is listed, the search, the filters, the sync. */
export function ListHead(props: Props) {
  const { search, status, labels, known, input, onChange, onDone } = props;
  const accounts = status?.connections ?? [];
  return (
    <header className={classes.head}>
      {props.bar || <TitleLine {...props} />}
      <div className={classes.line}>
        <SearchBar
          value={search.q}
          known={known}
          input={input}
          onChange={(q) => onChange({ q, thread: undefined })}
          onDone={onDone}
        />
        <Hint label="Unread only" keys="⇧ F">
          <ActionIcon
            size={32}
            aria-label="Unread only"
            aria-pressed={Boolean(search.unread)}
            onClick={() => onChange({ unread: search.unread ? undefined : true })}
          >
            <MailOpen size={16} />
          </ActionIcon>
        </Hint>
        <Hint label="Starred only">
          <ActionIcon
            size={32}
            aria-label="Starred only"
            aria-pressed={Boolean(search.starred)}
            onClick={() => onChange({ starred: search.starred ? undefined : true })}
          >
            <Star size={16} />
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
      {search.record && (
        <RecordFilter
          workspaceId={props.workspaceId}
          id={search.record}
          onClear={() => onChange({ record: undefined, thread: undefined })}
        />
      )}
      <SearchDoubts query={search.q} labels={labels} onChange={(q) => onChange({ q, thread: undefined })} />
    </header>
  );
}

function TitleLine({ search, status, labels, total, failed, others, isSyncing, ...on }: Props) {
  const { onTick, onCompose, onChange, onSync } = on;
  return (
    <div className={classes.line}>
      <h1 className="visually-hidden">Inbox</h1>
      <LabelMenu search={search} labels={labels} failed={failed} others={others} onChange={onChange} />
      <span className={classes.total}>{total}</span>
      {onTick && (
        <Hint label="Tick conversations" keys="X">
          <ActionIcon aria-label="Tick conversations" onClick={onTick}>
            <ListChecks size={16} />
          </ActionIcon>
        </Hint>
      )}
      {status?.is_connected && <SyncButton status={status} isSyncing={isSyncing} onSync={onSync} />}
      {onCompose && (
        <Hint label="Write a message" keys="C">
          <ActionIcon className={classes.compose} aria-label="Write a message" size={32} onClick={onCompose}>
            <PenLine size={16} />
          </ActionIcon>
        </Hint>
      )}
    </div>
  );
}

/** It turns while mail is asked for and is never switched off: where Google does not answer, one may try again. */
function SyncButton({ status, isSyncing, onSync }: Pick<Props, "isSyncing" | "onSync"> & { status: GoogleStatus }) {
  const last = lastSync(status);
  return (
    <Hint label={last ? `Sync now (last synced ${longDate(last)})` : "Sync now"} keys="⇧ N">
      <ActionIcon aria-label="Sync now" aria-busy={isSyncing || undefined} onClick={onSync}>
        <RefreshCw size={15} className={cx(isSyncing && classes.turning)} />
      </ActionIcon>
    </Hint>
  );
}

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
