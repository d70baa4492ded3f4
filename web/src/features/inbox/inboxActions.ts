import {
  Archive,
  ArrowDown,
  ArrowUp,
  CornerDownLeft,
  Forward,
  Inbox,
  Link2,
  Mail,
  MailOpen,
  OctagonAlert,
  PanelRight,
  PenLine,
  RefreshCw,
  Reply,
  ReplyAll,
  Search,
  SquareCheck,
  Star,
  Tag,
  Trash2,
  Undo2,
  Users,
} from "lucide-react";
import type { Action } from "@/actions/actions";
import type { Wish } from "./changes";

interface Doings {
  isOpen: () => boolean;
  /** A conversation of one's own is open. */
  canAnswer: () => boolean;
  /** There is something that a change would be about. */
  canChange: () => boolean;
  starred: () => boolean;
  next: () => void;
  previous: () => void;
  open: () => void;
  close: () => void;
  compose: () => void;
  reply: () => void;
  replyAll: () => void;
  forward: () => void;
  change: (wish: Wish) => void;
  label: () => void;
  tick: () => void;
  tickAll: () => void;
  undo: () => void;
  share: () => void;
  link: () => void;
  openAll: () => void;
  context: () => void;
  search: () => void;
  sync: () => void;
  unread: () => void;
}

/** What can be done in the inbox: its menus, keys and entries in the palette. */
export function inboxActions(d: Doings): Action[] {
  return [...moving(d), ...writing(d), ...changing(d), ...looking(d)];
}

const group = "Inbox";

const moving = (d: Doings): Action[] => [
  { id: "mail.next", label: "Next conversation", group, keys: ["j", "ArrowDown"], icon: ArrowDown, run: d.next },
  {
    id: "mail.previous",
    label: "Previous conversation",
    group,
    keys: ["k", "ArrowUp"],
    icon: ArrowUp,
    run: d.previous,
  },
  {
    id: "mail.open",
    label: "Open the conversation",
    group,
    keys: ["o", "Enter"],
    icon: CornerDownLeft,
    when: () => !d.isOpen(),
    run: d.open,
  },
  { id: "mail.close", label: "Back to the list, or untick", group, keys: ["u", "Escape"], run: d.close },
];

const write = "Write";

const writing = (d: Doings): Action[] => [
  {
    id: "mail.compose",
    label: "Write a message",
    group: write,
    keys: ["c"],
    icon: PenLine,
    words: "new compose send",
    run: d.compose,
  },
  {
    id: "mail.reply",
    label: "Reply",
    group: write,
    keys: ["r"],
    icon: Reply,
    words: "answer",
    when: d.canAnswer,
    run: d.reply,
  },
  {
    id: "mail.replyAll",
    label: "Reply to all",
    group: write,
    keys: ["a"],
    icon: ReplyAll,
    words: "answer",
    when: d.canAnswer,
    run: d.replyAll,
  },
  { id: "mail.forward", label: "Forward", group: write, keys: ["f"], icon: Forward, when: d.canAnswer, run: d.forward },
  // The composer takes these keys itself; they stand here for the list of keys.
  { id: "mail.send", label: "Send what is being written", group: write, keys: ["mod+Enter"], when: never, run: none },
  { id: "mail.keep", label: "Keep it as a draft", group: write, keys: ["Escape"], when: never, run: none },
];

const never = () => false;
const none = () => undefined;

const change = "Change";

const changing = (d: Doings): Action[] => {
  const one = (id: string, label: string, keys: string[], icon: Action["icon"], wish: () => Wish): Action => ({
    id: `mail.${id}`,
    label,
    group: change,
    keys,
    icon,
    when: d.canChange,
    run: () => d.change(wish()),
  });
  return [
    one("archive", "Archive", ["e"], Archive, () => ({ action: "archive" })),
    one("trash", "Move to the trash", ["#", "Delete"], Trash2, () => ({ action: "trash" })),
    one("spam", "Report as spam", ["!"], OctagonAlert, () => ({ action: "spam" })),
    one("star", "Star, or remove the star", ["s"], Star, () => ({ action: d.starred() ? "unstar" : "star" })),
    one("read", "Mark as read", ["shift+i"], MailOpen, () => ({ action: "read" })),
    one("markUnread", "Mark as unread", ["shift+u"], Mail, () => ({ action: "unread" })),
    one("inbox", "Move to the inbox", ["shift+e"], Inbox, () => ({ action: "inbox" })),
    { id: "mail.label", label: "Label", group: change, keys: ["l"], icon: Tag, when: d.canChange, run: d.label },
    {
      id: "mail.tick",
      label: "Tick the conversation",
      group: change,
      keys: ["x"],
      icon: SquareCheck,
      words: "select",
      run: d.tick,
    },
    {
      id: "mail.tickAll",
      label: "Tick all that are loaded",
      group: change,
      keys: ["* a"],
      words: "select",
      run: d.tickAll,
    },
    { id: "mail.undo", label: "Undo the last change or sending", group: change, keys: ["z"], icon: Undo2, run: d.undo },
    {
      id: "mail.link",
      label: "Link to a record",
      group: change,
      keys: ["shift+l"],
      icon: Link2,
      when: d.isOpen,
      words: "person company deal crm",
      run: d.link,
    },
    { id: "mail.share", label: "Share with colleagues", group: change, icon: Users, when: d.canAnswer, run: d.share },
  ];
};

const looking = (d: Doings): Action[] => [
  { id: "mail.unfold", label: "Open or fold all messages", group, keys: [";"], when: d.isOpen, run: d.openAll },
  {
    id: "mail.context",
    label: "Show or hide people and files",
    group,
    keys: ["i"],
    icon: PanelRight,
    when: d.isOpen,
    run: d.context,
  },
  { id: "mail.search", label: "Search mail", group, keys: ["/"], icon: Search, run: d.search },
  { id: "mail.unread", label: "Show unread only, or all", group, keys: ["shift+f"], icon: MailOpen, run: d.unread },
  {
    id: "mail.sync",
    label: "Sync now",
    group,
    keys: ["shift+n"],
    icon: RefreshCw,
    words: "refresh gmail",
    run: d.sync,
  },
];
