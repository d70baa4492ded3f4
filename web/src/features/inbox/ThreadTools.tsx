import { ActionIcon, Button, Menu } from "@mantine/core";
import {
  Archive,
  ExternalLink,
  Forward,
  Inbox,
  Mail,
  MoreHorizontal,
  OctagonAlert,
  Reply,
  ReplyAll,
  ShieldCheck,
  Star,
  Tag,
  Trash2,
  Users,
} from "lucide-react";
import { Hint } from "@/ui/kit";
import type { Labelling } from "./BulkBar";
import type { Wish } from "./changes";
import classes from "./EmailDetail.module.css";
import { LabelPicker } from "./LabelPicker";
import type { Thread } from "./threads";

interface Props {
  thread: Thread;
  labelling: Labelling;
  shared: boolean;
  onChange: (wish: Wish) => void;
  onShare: () => void;
}

/** What can be done with the open conversation. */
export function ThreadTools({ thread, labelling, shared, onChange, onShare }: Props) {
  const { labels } = thread.newest;
  const spam = labels.includes("SPAM");
  const trash = labels.includes("TRASH");
  return (
    <>
      {spam || trash ? (
        <Tool
          label={spam ? "Not spam" : "Move to the inbox"}
          icon={spam ? ShieldCheck : Inbox}
          onClick={() => onChange({ action: spam ? "not_spam" : "untrash" })}
        />
      ) : labels.includes("INBOX") ? (
        <Tool label="Archive" keys="E" icon={Archive} onClick={() => onChange({ action: "archive" })} />
      ) : (
        <Tool label="Move to the inbox" keys="⇧ E" icon={Inbox} onClick={() => onChange({ action: "inbox" })} />
      )}
      {!trash && <Tool label="Trash" keys="#" icon={Trash2} onClick={() => onChange({ action: "trash" })} />}
      <Tool label="Mark as unread" keys="⇧ U" icon={Mail} onClick={() => onChange({ action: "unread" })} wide />
      <Tool
        label={thread.starred ? "Remove the star" : "Star"}
        keys="S"
        icon={Star}
        className={thread.starred ? classes.starred : undefined}
        onClick={() => onChange({ action: thread.starred ? "unstar" : "star" })}
      />
      <LabelPicker {...labelling}>
        <ActionIcon
          aria-label="Label"
          title="Label (L)"
          aria-expanded={labelling.opened}
          onClick={() => labelling.onOpened(!labelling.opened)}
        >
          <Tag size={16} />
        </ActionIcon>
      </LabelPicker>
      <Tool label={shared ? "Shared: see with whom" : "Share"} icon={Users} onClick={onShare} pressed={shared} />
    </>
  );
}

interface ToolProps {
  label: string;
  keys?: string;
  icon: typeof Star;
  className?: string;
  pressed?: boolean;
  /** Left out where there is little room. */
  wide?: boolean;
  onClick: () => void;
}

function Tool({ label, keys, icon: Icon, className, pressed, wide, onClick }: ToolProps) {
  return (
    <Hint label={label} keys={keys}>
      <ActionIcon
        aria-label={label}
        aria-pressed={pressed}
        className={wide ? classes.wideOnly : className}
        onClick={onClick}
      >
        <Icon size={16} className={wide ? className : undefined} />
      </ActionIcon>
    </Hint>
  );
}

interface AnswerProps {
  canSpam: boolean;
  onReply: () => void;
  onReplyAll: () => void;
  onForward: () => void;
  onSpam: () => void;
  onGmail: () => void;
}

/** Reply, and what is rarer. */
export function Answers({ canSpam, onReply, onReplyAll, onForward, onSpam, onGmail }: AnswerProps) {
  return (
    <>
      <Menu position="bottom-end" width={220}>
        <Menu.Target>
          <ActionIcon aria-label="More">
            <MoreHorizontal size={16} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<ReplyAll size={14} />} onClick={onReplyAll}>
            Reply to all
          </Menu.Item>
          <Menu.Item leftSection={<Forward size={14} />} onClick={onForward}>
            Forward
          </Menu.Item>
          <Menu.Divider />
          {canSpam && (
            <Menu.Item leftSection={<OctagonAlert size={14} />} onClick={onSpam}>
              Report as spam
            </Menu.Item>
          )}
          <Menu.Item leftSection={<ExternalLink size={14} />} onClick={onGmail}>
            Open in Gmail
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <Hint label="Reply" keys="R">
        <Button size="xs" leftSection={<Reply size={14} />} onClick={onReply}>
          Reply
        </Button>
      </Hint>
    </>
  );
}

/** Below the last message: the three ways to answer it. */
export function AnswerBar({
  onReply,
  onReplyAll,
  onForward,
}: Pick<AnswerProps, "onReply" | "onReplyAll" | "onForward">) {
  return (
    <div className={classes.answers}>
      <Button leftSection={<Reply size={14} />} onClick={onReply}>
        Reply
      </Button>
      <Button leftSection={<ReplyAll size={14} />} onClick={onReplyAll}>
        Reply to all
      </Button>
      <Button leftSection={<Forward size={14} />} onClick={onForward}>
        Forward
      </Button>
    </div>
  );
}
