import { ArrowDown, ArrowUp, CornerDownLeft, MailOpen, PanelRight, RefreshCw, Reply, Search } from "lucide-react";
import type { Action } from "@/actions/actions";

interface Doings {
  isOpen: () => boolean;
  next: () => void;
  previous: () => void;
  open: () => void;
  close: () => void;
  reply: () => void;
  openAll: () => void;
  context: () => void;
  search: () => void;
  sync: () => void;
  unread: () => void;
  elsewhere: () => void;
}

/** What can be done in the inbox: its menus, keys and entries in the palette. */
export function inboxActions(d: Doings): Action[] {
  const group = "Inbox";
  return [
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
    { id: "mail.close", label: "Back to the list", group, keys: ["u", "Escape"], when: d.isOpen, run: d.close },
    { id: "mail.reply", label: "Reply in Gmail", group, keys: ["r"], icon: Reply, when: d.isOpen, run: d.reply },
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
    { id: "mail.unread", label: "Show unread only, or all", group, keys: ["shift+u"], icon: MailOpen, run: d.unread },
    {
      id: "mail.sync",
      label: "Sync now",
      group,
      keys: ["shift+n"],
      icon: RefreshCw,
      words: "refresh gmail",
      run: d.sync,
    },
    { id: "mail.elsewhere", label: "Archive or star", group, keys: ["e", "s"], quiet: true, run: d.elsewhere },
  ];
}
