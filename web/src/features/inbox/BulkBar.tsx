import { ActionIcon, Checkbox, Menu } from "@mantine/core";
import {
  Archive,
  Inbox,
  Mail,
  MailOpen,
  MoreHorizontal,
  OctagonAlert,
  ShieldCheck,
  Star,
  StarOff,
  Tag,
  Trash2,
  X,
} from "lucide-react";
import { count } from "@/lib/format";
import type { Label } from "@/lib/types";
import { Hint } from "@/ui/kit";
import classes from "./BulkBar.module.css";
import type { Wish } from "./changes";
import { type LabelChoice, LabelPicker } from "./LabelPicker";
import type { Thread } from "./threads";
import type { Selection } from "./useSelection";

export interface Labelling {
  opened: boolean;
  onOpened: (opened: boolean) => void;
  labels: Label[];
  threads: Thread[];
  onChoose: (choice: LabelChoice) => void;
  onCreate: (name: string) => void;
}

interface Props {
  selection: Selection;
  /** The label of the list: what is in the trash is not thrown there again. */
  place: string;
  labelling: Labelling;
  onChange: (wish: Wish) => void;
}

/** In place of the title while conversations are ticked: how many, and what can be done with all of them. */
export function BulkBar({ selection, place, labelling, onChange }: Props) {
  const { threads, all } = selection;
  const none = threads.length === 0;
  const unread = threads.some((t) => t.unread);
  return (
    <div className={classes.bar} role="toolbar" aria-label="Actions for the ticked conversations">
      <Checkbox
        aria-label={all ? "Untick all" : "Tick all that are loaded"}
        checked={all}
        indeterminate={!none && !all}
        onChange={selection.toggleAll}
      />
      <span className={classes.count} aria-live="polite" data-number>
        {none ? "None ticked" : `${count(threads.length)} ticked`}
      </span>
      {place === "TRASH" || place === "SPAM" ? (
        <Tool
          label={place === "SPAM" ? "Not spam" : "Move to the inbox"}
          icon={place === "SPAM" ? ShieldCheck : Inbox}
          disabled={none}
          onClick={() => onChange({ action: place === "SPAM" ? "not_spam" : "untrash" })}
        />
      ) : (
        <>
          <Tool
            label="Archive"
            keys="E"
            icon={Archive}
            disabled={none}
            onClick={() => onChange({ action: "archive" })}
          />
          <Tool label="Trash" keys="#" icon={Trash2} disabled={none} onClick={() => onChange({ action: "trash" })} />
        </>
      )}
      <Tool
        label={unread ? "Mark as read" : "Mark as unread"}
        keys={unread ? "⇧ I" : "⇧ U"}
        icon={unread ? MailOpen : Mail}
        disabled={none}
        onClick={() => onChange({ action: unread ? "read" : "unread" })}
      />
      <LabelPicker {...labelling}>
        <ActionIcon
          aria-label="Label"
          title="Label (L)"
          disabled={none}
          aria-expanded={labelling.opened}
          onClick={() => labelling.onOpened(!labelling.opened)}
        >
          <Tag size={16} />
        </ActionIcon>
      </LabelPicker>
      <More disabled={none} onChange={onChange} />
      <Tool label="Untick" keys="Esc" icon={X} onClick={selection.clear} />
    </div>
  );
}

function More({ disabled, onChange }: { disabled: boolean; onChange: (wish: Wish) => void }) {
  return (
    <Menu position="bottom-end" width={200}>
      <Menu.Target>
        <ActionIcon aria-label="More actions" disabled={disabled}>
          <MoreHorizontal size={16} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item leftSection={<Star size={14} />} onClick={() => onChange({ action: "star" })}>
          Star
        </Menu.Item>
        <Menu.Item leftSection={<StarOff size={14} />} onClick={() => onChange({ action: "unstar" })}>
          Remove the star
        </Menu.Item>
        <Menu.Item leftSection={<Inbox size={14} />} onClick={() => onChange({ action: "inbox" })}>
          Move to the inbox
        </Menu.Item>
        <Menu.Item leftSection={<OctagonAlert size={14} />} onClick={() => onChange({ action: "spam" })}>
          Report as spam
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

interface ToolProps {
  label: string;
  keys?: string;
  icon: typeof X;
  disabled?: boolean;
  onClick: () => void;
}

function Tool({ label, keys, icon: Icon, disabled, onClick }: ToolProps) {
  return (
    <Hint label={label} keys={keys}>
      <ActionIcon aria-label={label} disabled={disabled} onClick={onClick}>
        <Icon size={16} />
      </ActionIcon>
    </Hint>
  );
}
