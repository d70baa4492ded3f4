/** What can be done with a table of records: for the palette, the help and the keys. */
import {
  ArrowDown,
  ArrowUp,
  Columns3,
  CornerDownLeft,
  Kanban,
  ListChecks,
  ListFilter,
  Pencil,
  Plus,
  Search,
  Tag,
  Undo2,
  Upload,
  UserRound,
} from "lucide-react";
import type { Action } from "@/actions/actions";
import { undoLast } from "@/lib/undoing";

interface On {
  what: string;
  title: string;
  /** Whether it is shown as a board; undefined where it cannot be. */
  board: boolean | undefined;
  can: { rows: boolean; ticks: boolean; change: boolean };
  next: () => void;
  previous: () => void;
  open: () => void;
  edit: () => void;
  tick: () => void;
  tickAll: () => void;
  clear: () => void;
  create: () => void;
  search: () => void;
  filter: () => void;
  columns: () => void;
  owner: () => void;
  tag: () => void;
  layout: () => void;
  import: () => void;
}

export function tableActions(on: On): Action[] {
  const group = "Records";
  const rows = () => on.can.rows;
  return [
    {
      id: "records.new",
      label: `New ${on.what}`,
      group,
      keys: ["n"],
      icon: Plus,
      words: "create add make",
      run: on.create,
    },
    {
      id: "records.search",
      label: `Search ${on.title.toLowerCase()}`,
      group,
      keys: ["/"],
      icon: Search,
      run: on.search,
    },
    { id: "records.filter", label: "Filter", group, keys: ["f"], icon: ListFilter, run: on.filter },
    {
      id: "records.next",
      label: "Next row",
      group,
      keys: ["j", "ArrowDown"],
      icon: ArrowDown,
      when: rows,
      run: on.next,
    },
    {
      id: "records.previous",
      label: "Previous row",
      group,
      keys: ["k", "ArrowUp"],
      icon: ArrowUp,
      when: rows,
      run: on.previous,
    },
    {
      id: "records.open",
      label: "Open the record",
      group,
      keys: ["o"],
      icon: CornerDownLeft,
      when: rows,
      run: on.open,
    },
    {
      id: "records.edit",
      label: "Change the cell",
      group,
      keys: ["e"],
      icon: Pencil,
      when: () => on.can.rows && on.can.change,
      run: on.edit,
    },
    { id: "records.tick", label: "Tick the row", group, keys: ["x"], icon: ListChecks, when: rows, run: on.tick },
    {
      id: "records.tickAll",
      label: "Tick all rows",
      group,
      keys: ["shift+a"],
      icon: ListChecks,
      when: rows,
      run: on.tickAll,
    },
    { id: "records.clear", label: "Untick all", group, keys: ["Escape"], when: () => on.can.ticks, run: on.clear },
    {
      id: "records.owner",
      label: "Give the ticked an owner",
      group,
      keys: ["a"],
      icon: UserRound,
      when: () => on.can.ticks,
      run: on.owner,
    },
    {
      id: "records.tag",
      label: "Tag the ticked",
      group,
      keys: ["t"],
      icon: Tag,
      when: () => on.can.ticks,
      run: on.tag,
    },
    { id: "records.undo", label: "Undo the last change", group, keys: ["z"], icon: Undo2, run: undoLast },
    { id: "records.columns", label: "Choose columns", group, icon: Columns3, when: () => !on.board, run: on.columns },
    ...(on.board === undefined
      ? []
      : [
          {
            id: "records.layout",
            label: on.board ? "Show as a table" : "Show as a board",
            group,
            keys: ["b"],
            icon: Kanban,
            run: on.layout,
          },
        ]),
    {
      id: "records.import",
      label: `Import ${on.title.toLowerCase()}`,
      group,
      icon: Upload,
      words: "csv vcard file",
      run: on.import,
    },
  ];
}
