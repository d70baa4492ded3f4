/** The views of a table: all of it, and those a person keeps. They live in this browser. */
import { Button, Menu, Popover, TextInput } from "@mantine/core";
import { Ellipsis, Plus } from "lucide-react";
import { type FormEvent, useState } from "react";
import type { RecordType } from "@/lib/records";
import { isFiltered, isView, type RecordsSearch } from "@/lib/recordView";
import { cx } from "@/ui/kit";
import classes from "./Bar.module.css";
import { type Table, useViews } from "./useTable";

export function ViewTabs({
  workspaceId,
  type,
  table,
  all,
}: {
  workspaceId: string;
  type: RecordType;
  table: Table;
  all: string;
}) {
  const { search, chosen, set, setChosen } = table;
  const kept = useViews(workspaceId, type);
  const open = kept.list.find((v) => v.id === search.view);
  const columns = chosen ?? undefined;
  const changed = open && !isView(open, search, columns);
  const bare = (s: RecordsSearch): RecordsSearch => ({ ...s, open: undefined, view: undefined });
  const show = (id: string) => {
    const view = kept.list.find((v) => v.id === id);
    if (!view) return;
    setChosen(view.columns ?? null);
    set({ ...view.search, view: view.id });
  };
  const tab = (id: string | undefined, label: string, run: () => void) => (
    <button
      key={id ?? "all"}
      type="button"
      className={cx(classes.tab)}
      aria-pressed={search.view === id && (id !== undefined || !isFiltered(search))}
      onClick={run}
    >
      {label}
      {id !== undefined && id === open?.id && changed && (
        <span className={classes.changed} title="Changed since it was kept" />
      )}
    </button>
  );
  return (
    <div className={classes.tabs}>
      {/* biome-ignore lint/a11y/useSemanticElements: a group of buttons, no form */}
      <div role="group" aria-label="Views" className={classes.tabList}>
        {tab(undefined, all, () => {
          setChosen(null);
          set({ layout: search.layout });
        })}
        {kept.list.map((v) => tab(v.id, v.name, () => show(v.id)))}
      </div>
      {open && (
        <Menu position="bottom-start" width={220}>
          <Menu.Target>
            <Button size="xs" variant="subtle" px={6} aria-label={`More for the view ${open.name}`}>
              <Ellipsis size={15} />
            </Button>
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Item disabled={!changed} onClick={() => kept.update(open.id, { search: bare(search), columns })}>
              Keep it as it is now
            </Menu.Item>
            <Menu.Item disabled={!changed} onClick={() => show(open.id)}>
              Back to what was kept
            </Menu.Item>
            <Menu.Divider />
            <Menu.Item
              color="var(--bad)"
              onClick={() => {
                kept.remove(open.id);
                set(bare(search));
              }}
            >
              Delete the view
            </Menu.Item>
          </Menu.Dropdown>
        </Menu>
      )}
      {(!open || changed) && (isFiltered(search) || search.sort || chosen || search.layout) && (
        <KeepView
          onKeep={(name) => {
            const made = kept.add({ name, search: bare(search), columns });
            set({ ...search, view: made.id });
          }}
        />
      )}
    </div>
  );
}

function KeepView({ onKeep }: { onKeep: (name: string) => void }) {
  const [open, setOpen] = useState(false);
  const [name, setName] = useState("");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!name.trim()) return;
    onKeep(name.trim());
    setOpen(false);
    setName("");
  };
  return (
    <Popover opened={open} onChange={setOpen} position="bottom-start" trapFocus returnFocus shadow="none">
      <Popover.Target>
        <Button size="xs" variant="subtle" leftSection={<Plus size={13} />} onClick={() => setOpen(!open)}>
          Save view
        </Button>
      </Popover.Target>
      <Popover.Dropdown aria-label="Save view" className={classes.dropdown}>
        <form className={classes.keep} onSubmit={submit}>
          <TextInput
            data-autofocus
            label="Name of the view"
            description="Filters, order and columns. It is kept for you, in this browser."
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
          />
          <Button type="submit" size="xs" variant="filled" disabled={!name.trim()}>
            Save
          </Button>
        </form>
      </Popover.Dropdown>
    </Popover>
  );
}
