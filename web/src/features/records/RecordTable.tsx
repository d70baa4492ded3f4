/** Records in a grid: the first column stays, rows exist only in sight, cells are edited where they stand. */
import { Link, useNavigate } from "@tanstack/react-router";
import { defaultRangeExtractor, type Range, useVirtualizer } from "@tanstack/react-virtual";
import { ArrowDown, ArrowUp, Pencil } from "lucide-react";
import { type CSSProperties, type KeyboardEvent, memo, useEffect, useLayoutEffect, useRef, useState } from "react";
import { paths } from "@/app/paths";
import type { Refused } from "@/hooks/useRecords";
import { plural } from "@/lib/format";
import { contentOf, type Field, secondLine } from "@/lib/recordFields";
import type { CrmRecord } from "@/lib/records";
import { direction, nextSort } from "@/lib/recordView";
import { Bones, Time } from "@/ui/kit";
import { RecordMark } from "@/ui/RecordMark";
import { FieldEditor } from "./FieldEditor";
import { placeOf, type Spot, useNarrow, usePlace, useSpotFocus } from "./grid";
import classes from "./RecordTable.module.css";
import type { Ticks } from "./useTable";
import { Value } from "./Value";

interface Props {
  /** Names what is listed: the place in it is remembered under that. */
  name: string;
  workspaceId: string;
  label: string;
  columns: Field[];
  icon?: string;
  records: CrmRecord[];
  total: number | undefined;
  sort: string | undefined;
  ticks: Ticks;
  spot: Spot;
  editing: boolean;
  refused: Refused | undefined;
  /** Nothing can be changed: what is listed is deleted. */
  readOnly?: boolean;
  hasMore: boolean;
  isLoadingMore: boolean;
  onMore: () => void;
  onSort: (sort: string | undefined) => void;
  onSpot: (spot: Spot) => void;
  onEditing: (on: boolean) => void;
  onEdit: (record: CrmRecord, field: Field, value: unknown) => void;
}

const tickWidth = 40;

/** What is in sight, and the row that is being changed, which may have moved out of it. */
function withRow(range: Range, row: number) {
  const shown = defaultRangeExtractor(range);
  return shown.includes(row) || row >= range.count ? shown : [...shown, row].sort((a, b) => a - b);
}

export function RecordTable(props: Props) {
  const { name, columns, records, spot, onSpot, onEditing, editing } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const [narrow, setNarrow] = useState(false);
  const navigate = useNavigate();
  useNarrow(scroller, setNarrow);
  const height = narrow ? 58 : 40;
  const rows = useVirtualizer({
    count: records.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => height,
    getItemKey: (i) => records[i]?.id ?? i,
    overscan: 10,
    initialOffset: placeOf(name),
    scrollPaddingStart: 36,
    rangeExtractor: (range) => (editing ? withRow(range, spot.row) : defaultRangeExtractor(range)),
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: all rows change their height at once
  useLayoutEffect(() => rows.measure(), [height]);
  usePlace(name, scroller);
  const wantsFocus = useSpotFocus(spot, editing, scroller);
  const { hasMore, isLoadingMore, onMore } = props;
  const items = rows.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (hasMore && !isLoadingMore && last >= records.length - 30) onMore();
  }, [hasMore, isLoadingMore, last, records.length, onMore]);

  const go = (to: Partial<Spot>) => {
    const row = Math.min(records.length - 1, Math.max(0, to.row ?? spot.row));
    const column = Math.min(columns.length - 1, Math.max(0, to.column ?? spot.column));
    wantsFocus.current = true;
    onSpot({ row, column });
    rows.scrollToIndex(row, { align: "auto" });
  };
  const open = (record: CrmRecord | undefined) =>
    record && void navigate({ to: paths.record, params: { record: record.id } });
  const edit = (row: number, column: number) => {
    const field = columns[column];
    if (!field?.editable || props.readOnly) return false;
    onSpot({ row, column });
    onEditing(true);
    return true;
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (editing || !(event.target instanceof HTMLElement) || !event.target.closest("[data-spot]")) return;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const moves = new Map<string, () => unknown>([
      ["ArrowDown", () => go({ row: spot.row + 1 })],
      ["ArrowUp", () => go({ row: spot.row - 1 })],
      ["ArrowRight", () => go({ column: spot.column + 1 })],
      ["ArrowLeft", () => go({ column: spot.column - 1 })],
      ["Home", () => go({ column: 0 })],
      ["End", () => go({ column: columns.length - 1 })],
      ["PageDown", () => go({ row: spot.row + 15 })],
      ["PageUp", () => go({ row: spot.row - 15 })],
      ["Enter", () => (spot.column === 0 ? open(records[spot.row]) : edit(spot.row, spot.column))],
      ["F2", () => edit(spot.row, spot.column)],
      [" ", () => records[spot.row] && props.ticks.toggle(records[spot.row] as CrmRecord, event.shiftKey)],
    ]);
    const move = moves.get(event.key);
    if (!move) return;
    event.preventDefault();
    move();
  };
  const finish = (step?: 1 | "right" | "left") => {
    onEditing(false);
    wantsFocus.current = true;
    if (step === 1) go({ row: spot.row + 1 });
    else if (step) go({ column: spot.column + (step === "right" ? 1 : -1) });
    else onSpot({ ...spot });
  };
  const template = `${tickWidth}px ${columns.map((c) => `${c.width}px`).join(" ")} minmax(0, 1fr)`;
  const width = tickWidth + columns.reduce((sum, c) => sum + c.width, 0);
  return (
    <div ref={scroller} className={classes.scroller} data-narrow={narrow || undefined}>
      {/* biome-ignore lint/a11y/useSemanticElements: rows that exist only in sight cannot be a table's */}
      <div
        role="grid"
        aria-label={props.label}
        aria-rowcount={props.total === undefined ? -1 : props.total + 1}
        aria-colcount={columns.length + 1}
        aria-multiselectable="true"
        className={classes.grid}
        style={{ "--columns": template, minWidth: narrow ? undefined : width } as CSSProperties}
        onKeyDown={onKeyDown}
      >
        <Head {...props} narrow={narrow} />
        {/* biome-ignore lint/a11y/useSemanticElements: see above */}
        <div role="rowgroup" className={classes.body} style={{ height: rows.getTotalSize() }}>
          {items.map((item) => {
            const record = records[item.index];
            if (!record) return null;
            const here = item.index === spot.row;
            return (
              <Row
                key={item.key}
                index={item.index}
                start={item.start}
                height={height}
                record={record}
                columns={columns}
                icon={props.icon}
                narrow={narrow}
                workspaceId={props.workspaceId}
                column={here ? spot.column : -1}
                editing={here && editing}
                ticked={props.ticks.has(record.id)}
                refused={props.refused?.id === record.id ? props.refused.field : undefined}
                readOnly={props.readOnly ?? false}
                onTick={props.ticks.toggle}
                onSpot={onSpot}
                onStart={edit}
                onEdit={props.onEdit}
                onFinish={finish}
              />
            );
          })}
        </div>
      </div>
      {isLoadingMore && <Bones rows={3} height={height} />}
      {!hasMore && records.length > 20 && (
        <p className={classes.end}>{plural(props.total ?? records.length, "record")} in all</p>
      )}
    </div>
  );
}

function Head({ columns, sort, ticks, onSort, narrow }: Props & { narrow: boolean }) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: see above
    <div role="rowgroup" className={classes.head} data-narrow={narrow || undefined}>
      {/* biome-ignore lint/a11y/useSemanticElements: see above */}
      {/* biome-ignore lint/a11y/useFocusableInteractive: its cells hold what can be used */}
      <div role="row" aria-rowindex={1} className={classes.headRow}>
        {/* biome-ignore lint/a11y/useSemanticElements: see above */}
        {/* biome-ignore lint/a11y/useFocusableInteractive: it holds a box */}
        <div role="columnheader" className={classes.tickHead}>
          <input
            type="checkbox"
            aria-label="Tick all that are shown"
            checked={ticks.full}
            ref={(box) => {
              if (box) box.indeterminate = ticks.some && !ticks.full;
            }}
            onChange={ticks.toggleAll}
          />
        </div>
        {columns.map((field, i) => {
          const now = direction(field, sort);
          return (
            // biome-ignore lint/a11y/useSemanticElements: see above
            // biome-ignore lint/a11y/useFocusableInteractive: it holds a button
            <div
              key={field.key}
              role="columnheader"
              aria-sort={field.sort ? now : undefined}
              className={classes.headCell}
              data-first={i === 0 || undefined}
              data-end={isNumber(field) || undefined}
            >
              {field.sort ? (
                <button type="button" onClick={() => onSort(nextSort(field, sort))}>
                  {field.name}
                  {now === "ascending" && <ArrowUp size={12} />}
                  {now === "descending" && <ArrowDown size={12} />}
                </button>
              ) : (
                <span>{field.name}</span>
              )}
            </div>
          );
        })}
      </div>
    </div>
  );
}

const isNumber = (field: Field) => field.kind === "money" || field.kind === "number";

interface RowProps {
  index: number;
  start: number;
  height: number;
  record: CrmRecord;
  columns: Field[];
  icon?: string;
  narrow: boolean;
  workspaceId: string;
  column: number;
  editing: boolean;
  ticked: boolean;
  refused: string | undefined;
  readOnly: boolean;
  onTick: (record: CrmRecord, range?: boolean) => void;
  onSpot: (spot: Spot) => void;
  onStart: (row: number, column: number) => boolean;
  onEdit: (record: CrmRecord, field: Field, value: unknown) => void;
  onFinish: (step?: 1 | "right" | "left") => void;
}

const Row = memo(
  function Row(props: RowProps) {
    const { index, record, columns, narrow, ticked } = props;
    const shown = narrow ? columns.slice(0, 1) : columns;
    return (
      // biome-ignore lint/a11y/useSemanticElements: see above
      // biome-ignore lint/a11y/useFocusableInteractive: its cells have the focus
      <div
        role="row"
        aria-rowindex={index + 2}
        aria-selected={ticked}
        className={classes.row}
        data-ticked={ticked || undefined}
        data-record={record.id}
        style={{ height: props.height, transform: `translateY(${props.start}px)` }}
      >
        {/* biome-ignore lint/a11y/useSemanticElements: see above */}
        {/* biome-ignore lint/a11y/useFocusableInteractive: it holds a box */}
        <div role="gridcell" className={classes.tick}>
          <label>
            <input
              type="checkbox"
              tabIndex={-1}
              checked={ticked}
              aria-label={`Tick ${record.name}`}
              onChange={() => undefined}
              onClick={(event) => props.onTick(record, event.shiftKey)}
            />
          </label>
        </div>
        {shown.map((field, i) => (
          <Cell key={field.key} {...props} field={field} at={i} />
        ))}
      </div>
    );
  },
  (a, b) =>
    a.record === b.record &&
    a.index === b.index &&
    a.start === b.start &&
    a.height === b.height &&
    a.columns === b.columns &&
    a.narrow === b.narrow &&
    a.column === b.column &&
    a.editing === b.editing &&
    a.ticked === b.ticked &&
    a.refused === b.refused &&
    a.readOnly === b.readOnly &&
    // The spot decides where the row's keys lead.
    b.column < 0,
);

function Cell(props: RowProps & { field: Field; at: number }) {
  const { record, field, at, index, narrow } = props;
  const here = props.column === at;
  const editing = here && props.editing;
  const first = at === 0;
  const canEdit = field.editable && !props.readOnly;
  const empty = contentOf(record, field) === undefined;
  return (
    // biome-ignore lint/a11y/useSemanticElements: see above
    <div
      role="gridcell"
      data-spot={`${index}:${at}`}
      tabIndex={here ? 0 : -1}
      aria-readonly={!canEdit}
      className={classes.cell}
      data-first={first || undefined}
      data-here={here || undefined}
      data-editing={editing || undefined}
      data-refused={props.refused === field.key || undefined}
      data-end={isNumber(field) || undefined}
      data-editable={canEdit || undefined}
      onMouseDown={() => !here && props.onSpot({ row: index, column: at })}
      onDoubleClick={() => !first && !editing && props.onStart(index, at)}
      onFocus={(event) => event.target === event.currentTarget && !here && props.onSpot({ row: index, column: at })}
    >
      {editing ? (
        <FieldEditor
          workspaceId={props.workspaceId}
          record={record}
          field={field}
          onDone={(value, step) => {
            props.onEdit(record, field, value);
            props.onFinish(step);
          }}
          onKeep={(value) => props.onEdit(record, field, value)}
          onCancel={() => props.onFinish()}
        />
      ) : first ? (
        <>
          <Link
            to={paths.record}
            params={{ record: record.id }}
            className={classes.name}
            tabIndex={-1}
            data-record-link={record.id}
          >
            <RecordMark record={record} icon={props.icon} size={narrow ? 32 : 22} />
            <span className={classes.nameText}>
              <span>{record.name || "Unnamed"}</span>
              {narrow && <small>{secondLine(record)}</small>}
            </span>
            {narrow && record.last_at && (
              <span className={classes.when}>
                <Time iso={record.last_at} />
              </span>
            )}
          </Link>
          {canEdit && !narrow && (
            <button
              type="button"
              tabIndex={-1}
              className={classes.rename}
              aria-hidden="true"
              title="Rename"
              onClick={() => props.onStart(index, at)}
            >
              <Pencil size={13} />
            </button>
          )}
        </>
      ) : (
        <>
          <span className="visually-hidden">{`${field.name}: ${empty ? "empty" : ""}`}</span>
          <span className={classes.value}>
            <Value record={record} field={field} dense />
          </span>
          {canEdit && (
            <button
              type="button"
              tabIndex={-1}
              className={classes.pencil}
              aria-hidden="true"
              title="Change (Enter)"
              onClick={() => props.onStart(index, at)}
            >
              <Pencil size={13} />
            </button>
          )}
        </>
      )}
    </div>
  );
}
