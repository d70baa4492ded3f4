/** The tables of records: people, companies, deals, and every type that the workspace made. */
import { ActionIcon, Button, Menu } from "@mantine/core";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import {
  Copy as CopyIcon,
  Download,
  Ellipsis,
  Kanban,
  Plus,
  Search,
  Sparkles,
  Table2,
  Trash2,
  Upload,
} from "lucide-react";
import { lazy, Suspense, useEffect, useMemo, useRef, useState } from "react";
import { useActions } from "@/actions/actions";
import { NotFound } from "@/app/fallbacks";
import { paths } from "@/app/paths";
import { useWorkspaceId } from "@/app/session";
import { usePaused } from "@/hooks/usePaused";
import { useRecordEdit } from "@/hooks/useRecords";
import { useSent } from "@/hooks/useSent";
import { count } from "@/lib/format";
import { importsApi } from "@/lib/merging";
import type { CrmRecord, RecordType } from "@/lib/records";
import { isFiltered } from "@/lib/recordView";
import { Segments } from "@/ui/Choice";
import { Bones, Empty, Failed, useTitle } from "@/ui/kit";
import { iconOf } from "@/ui/RecordMark";
import { Board } from "./Board";
import { ColumnChooser } from "./Columns";
import { AddFilter, FilterChips } from "./Filters";
import { useSpot } from "./grid";
import { MassBar } from "./MassBar";
import { NewRecordDialog } from "./NewRecord";
import classes from "./RecordsPage.module.css";
import { RecordTable } from "./RecordTable";
import { tableActions } from "./tableActions";
import { useTable, useTicks } from "./useTable";
import { ViewTabs } from "./Views";

const ImportDialog = lazy(() => import("./ImportDialog"));
const MergeDialog = lazy(() => import("./MergeDialog"));

export const PeoplePage = () => <Records key="person" type="person" title="People" what="person" />;
export const CompaniesPage = () => <Records key="company" type="company" title="Companies" what="company" />;
export const DealsPage = () => <Records key="deal" type="deal" title="Deals" what="deal" />;

export function ObjectPage() {
  const { type } = useParams({ from: "/crm/objects/$type" });
  return <Records key={type} type={type} />;
}

const emptyWords: Record<string, string> = {
  person: "People you write with appear here by themselves, or you add them.",
  company: "Companies come from the domains of the people you write with, or you add them.",
  deal: "A deal has a company, people, an amount and a stage. Mail of its people stands on its page.",
};

function Records({ type, ...words }: { type: RecordType; title?: string; what?: string }) {
  const workspaceId = useWorkspaceId();
  const table = useTable(workspaceId, type);
  const { search, objects, object, fields, columns, query, list, change } = table;
  const ticks = useTicks(table);
  const { edit, refused } = useRecordEdit(workspaceId);
  const { spot, setSpot, isGone } = useSpot(list.records);
  const [wantsEdit, setEditing] = useState(false);
  const editing = wantsEdit && !isGone;
  useEffect(() => {
    if (isGone) setEditing(false);
  }, [isGone]);
  const [panel, setPanel] = useState<"owner" | "stage" | "tag" | "untag">();
  const [start, setStart] = useState<Partial<CrmRecord>>();
  const [merging, setMerging] = useState<CrmRecord[]>();
  const input = useRef<HTMLInputElement>(null);
  const page = useRef<HTMLElement>(null);
  const navigate = useNavigate();
  const title = words.title ?? object?.plural ?? "Records";
  const what = words.what ?? object?.name.toLowerCase() ?? "record";
  const board = search.layout === "board";
  const stageField = fields.find((f) => f.key === "stage");
  const Icon = iconOf(type, object?.icon);
  useTitle(title);
  const { records, total, fetchNextPage } = list;
  const more = useMemo(() => () => void fetchNextPage(), [fetchNextPage]);
  const create = (stage?: string) => {
    setStart(stage ? { stage } : undefined);
    change({ open: "new" });
  };
  const here = records[spot.row];
  const focusSpot = (row: number) => {
    const to = Math.min(records.length - 1, Math.max(0, row));
    setSpot({ ...spot, row: to });
    requestAnimationFrame(() =>
      page.current?.querySelector<HTMLElement>(`[data-spot="${to}:${spot.column}"]`)?.focus({ preventScroll: false }),
    );
  };
  useActions(
    tableActions({
      what,
      title,
      board: type === "deal" ? board : undefined,
      can: { rows: !board && records.length > 0, ticks: ticks.count > 0, change: !search.deleted },
      next: () => focusSpot(document.activeElement?.closest("[data-spot]") ? spot.row + 1 : spot.row),
      previous: () => focusSpot(spot.row - 1),
      open: () => here && void navigate({ to: paths.record, params: { record: here.id } }),
      edit: () => columns[spot.column]?.editable && setEditing(true),
      tick: () => here && ticks.toggle(here),
      tickAll: ticks.toggleAll,
      clear: ticks.clear,
      create: () => create(),
      search: () => input.current?.focus(),
      filter: () => page.current?.querySelector<HTMLElement>("[data-filter-button]")?.click(),
      columns: () => page.current?.querySelector<HTMLElement>("[data-columns-button]")?.click(),
      owner: () => setPanel("owner"),
      tag: () => setPanel("tag"),
      layout: () => change({ layout: board ? undefined : "board" }),
      import: () => change({ open: "import" }),
    }),
  );
  if (!words.title && objects.data && !object) return <NotFound within />;
  return (
    <section className={classes.page} ref={page} aria-label={title}>
      <header className={classes.head}>
        <Icon size={16} strokeWidth={1.75} />
        <h1>{title}</h1>
        <span className={classes.total}>{!board && total !== undefined ? count(total) : ""}</span>
        <SearchLine
          input={input}
          label={`Search ${title.toLowerCase()}`}
          q={search.q}
          onChange={(q) => change({ q })}
        />
        {type === "deal" && (
          <span className={classes.layout}>
            <Segments
              label="Layout"
              value={board ? "board" : "table"}
              onChange={(v) => change({ layout: v === "board" ? "board" : undefined })}
              options={[
                { value: "table", title: <Labelled icon={<Table2 size={14} />} text="Table" /> },
                { value: "board", title: <Labelled icon={<Kanban size={14} />} text="Board" /> },
              ]}
            />
          </span>
        )}
        <Button
          size="xs"
          variant="filled"
          className={classes.new}
          leftSection={<Plus size={14} />}
          aria-label={`New ${what}`}
          onClick={() => create()}
        >
          <span className={classes.newText}>New {what}</span>
        </Button>
        <MoreMenu workspaceId={workspaceId} type={type} query={query} onImport={() => change({ open: "import" })} />
      </header>
      <div className={classes.bar}>
        {ticks.count > 0 ? (
          <MassBar
            workspaceId={workspaceId}
            type={type}
            ticks={ticks}
            total={total}
            deleted={search.deleted ?? false}
            open={panel}
            onOpen={setPanel}
            onMerge={() => setMerging(ticks.records)}
            onChanged={() => void list.refetch()}
          />
        ) : (
          <>
            <ViewTabs workspaceId={workspaceId} type={type} table={table} all={`All ${title.toLowerCase()}`} />
            <span className={classes.gap} />
            <AddFilter workspaceId={workspaceId} fields={fields} search={search} onChange={change} />
            {!board && <ColumnChooser fields={fields} columns={columns} onChange={table.setChosen} />}
          </>
        )}
      </div>
      {ticks.count === 0 && isFiltered({ ...search, q: undefined }) && (
        <div className={classes.filters}>
          <FilterChips workspaceId={workspaceId} fields={fields} search={search} onChange={change} />
        </div>
      )}
      {board && stageField ? (
        <>
          <p id="board-keys" className="visually-hidden">
            Shift with the left or right arrow moves the deal to the stage beside.
          </p>
          <Board
            workspaceId={workspaceId}
            stageField={stageField}
            query={{ ...query, sort: search.sort ?? "-updated_at" }}
            onAdd={create}
          />
        </>
      ) : list.isPending ? (
        <div className={classes.state}>
          <Bones rows={12} height={40} />
        </div>
      ) : list.error && records.length === 0 ? (
        <Failed error={list.error} retry={list.refetch} title={`${title} could not be loaded`} />
      ) : records.length === 0 ? (
        isFiltered(search) ? (
          <Empty
            icon={<Search size={18} />}
            title="Nothing matches"
            action={
              <Button onClick={() => table.set({ layout: search.layout })}>Show all {title.toLowerCase()}</Button>
            }
          >
            {search.deleted ? "Nothing was deleted." : "Try fewer words, or take a filter away."}
          </Empty>
        ) : (
          <Empty
            icon={<Icon size={18} />}
            title={`No ${title.toLowerCase()} yet`}
            action={
              <span className={classes.two}>
                <Button variant="filled" onClick={() => create()}>
                  New {what}
                </Button>
                <Button onClick={() => change({ open: "import" })}>Import a file</Button>
              </span>
            }
          >
            {emptyWords[type] ?? "Fill it by hand, from a file, or by the API."}
          </Empty>
        )
      ) : (
        <RecordTable
          name={JSON.stringify(query)}
          workspaceId={workspaceId}
          label={title}
          columns={columns}
          icon={object?.icon}
          records={records}
          total={total}
          sort={search.sort ?? "-last_at"}
          ticks={ticks}
          spot={spot}
          editing={editing}
          refused={refused}
          readOnly={search.deleted}
          hasMore={list.hasNextPage}
          isLoadingMore={list.isFetchingNextPage}
          onMore={more}
          onSort={(sort) => change({ sort })}
          onSpot={setSpot}
          onEditing={setEditing}
          onEdit={(record, field, value) => void edit(record, field, value)}
        />
      )}
      {search.open === "new" && (
        <NewRecordDialog
          workspaceId={workspaceId}
          type={type}
          what={what}
          fields={fields}
          start={start}
          onClose={() => change({ open: undefined })}
        />
      )}
      <Suspense>
        {search.open === "import" && (
          <ImportDialog
            workspaceId={workspaceId}
            type={type}
            title={title}
            fields={fields}
            onClose={() => change({ open: undefined })}
          />
        )}
        {merging && (
          <MergeDialog
            workspaceId={workspaceId}
            records={merging}
            fields={fields}
            onClose={() => setMerging(undefined)}
            onMerged={ticks.clear}
          />
        )}
      </Suspense>
    </section>
  );
}

const Labelled = ({ icon, text }: { icon: React.ReactNode; text: string }) => (
  <>
    {icon}
    <span className={classes.segmentText}>{text}</span>
  </>
);

interface SearchProps {
  input: React.RefObject<HTMLInputElement | null>;
  label: string;
  q: string | undefined;
  onChange: (q: string | undefined) => void;
}

function SearchLine({ input, label, q, onChange }: SearchProps) {
  const [text, setText] = useState(q ?? "");
  const steady = usePaused(text, 180);
  const sent = useSent(q ?? "");
  // biome-ignore lint/correctness/useExhaustiveDependencies: only what was typed is told
  useEffect(() => {
    if (sent.send(steady.trim())) onChange(steady.trim() || undefined);
  }, [steady]);
  useEffect(() => {
    if (sent.isForeign(q ?? "")) setText(q ?? "");
  }, [q, sent]);
  return (
    <label className={classes.search}>
      <Search size={14} />
      <input
        ref={input}
        type="search"
        placeholder="Search"
        aria-label={label}
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key !== "Escape") return;
          setText("");
          event.currentTarget.blur();
        }}
      />
      <kbd>/</kbd>
    </label>
  );
}

interface MoreProps {
  workspaceId: string;
  type: RecordType;
  query: ReturnType<typeof useTable>["query"];
  onImport: () => void;
}

function MoreMenu({ workspaceId, type, query, onImport }: MoreProps) {
  const file = (format: "csv" | "vcard" | "jsonl") => importsApi.exportUrl(workspaceId, format, query);
  return (
    <Menu position="bottom-end" width={230}>
      <Menu.Target>
        <ActionIcon aria-label="More">
          <Ellipsis size={16} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item leftSection={<Upload size={15} />} onClick={onImport}>
          Import a file
        </Menu.Item>
        <Menu.Label>Export what is shown</Menu.Label>
        <Menu.Item component="a" href={file("csv")} download leftSection={<Download size={15} />}>
          As a table (CSV)
        </Menu.Item>
        {type === "person" && (
          <Menu.Item component="a" href={file("vcard")} download leftSection={<Download size={15} />}>
            As contacts (vCard)
          </Menu.Item>
        )}
        <Menu.Item component="a" href={file("jsonl")} download leftSection={<Download size={15} />}>
          With everything (JSON lines)
        </Menu.Item>
        <Menu.Divider />
        {(type === "person" || type === "company") && (
          <>
            <Menu.Item component={Link} to={paths.duplicates} leftSection={<CopyIcon size={15} />}>
              Find duplicates
            </Menu.Item>
            <Menu.Item component={Link} to={paths.suggestions} leftSection={<Sparkles size={15} />}>
              Suggestions
            </Menu.Item>
          </>
        )}
        <Menu.Item
          component={Link}
          to="."
          search={((now: object) => ({ ...now, deleted: true })) as never}
          leftSection={<Trash2 size={15} />}
        >
          Deleted
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
