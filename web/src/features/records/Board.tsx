/** Deals by stage: dragged, or moved with the keys, from one to the next. Every column says its sum. */
import { Menu } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { Ellipsis } from "lucide-react";
import { type DragEvent, type KeyboardEvent, useEffect, useRef, useState } from "react";
import { paths } from "@/app/paths";
import { useRecordEdit, useRecordList } from "@/hooks/useRecords";
import { count } from "@/lib/format";
import { capital, dayText, type Field, money } from "@/lib/recordFields";
import type { CrmRecord, RecordQuery } from "@/lib/records";
import { Avatar, Bones, cx, Failed } from "@/ui/kit";
import { More } from "@/ui/More";
import pieces from "@/ui/pieces.module.css";
import classes from "./Board.module.css";
import { TagPill } from "./Value";

interface Props {
  workspaceId: string;
  stageField: Field;
  query: RecordQuery;
  onAdd: (stage: string) => void;
}

/** The amounts of one currency added; several currencies stand side by side. */
export function sums(records: CrmRecord[]): string {
  const by = new Map<string, number>();
  for (const { amount } of records) if (amount) by.set(amount.currency, (by.get(amount.currency) ?? 0) + amount.minor);
  return [...by].map(([currency, minor]) => money({ minor, currency })).join(" + ");
}

export function Board({ workspaceId, stageField, query, onAdd }: Props) {
  const { edit, refused } = useRecordEdit(workspaceId);
  const [dragged, setDragged] = useState<CrmRecord>();
  const [said, setSaid] = useState("");
  const focus = useRef<string | undefined>(undefined);
  const board = useRef<HTMLDivElement>(null);
  const stages = stageField.options ?? [];
  const shown = query.stage ? stages.filter((s) => s === query.stage) : stages;
  useEffect(() => {
    const card = focus.current && board.current?.querySelector<HTMLElement>(`[data-card="${focus.current}"]`);
    if (!card) return;
    if (document.activeElement !== card) card.focus();
    else focus.current = undefined;
  });
  const move = (deal: CrmRecord, stage: string) => {
    if (deal.stage === stage) return;
    focus.current = deal.id;
    setSaid(`${deal.name} moved to ${capital(stage)}`);
    void edit(deal, stageField, stage);
  };
  const onKey = (event: KeyboardEvent, deal: CrmRecord) => {
    const at = stages.indexOf(deal.stage);
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (by && event.shiftKey) {
      const to = stages[at + by];
      if (to) move(deal, to);
    } else if (by || event.key === "ArrowDown" || event.key === "ArrowUp") {
      neighbour(event.currentTarget as HTMLElement, event.key)?.focus();
    } else return;
    event.preventDefault();
  };
  return (
    <div className={classes.board} ref={board}>
      <p className="visually-hidden" role="status">
        {said}
      </p>
      {shown.map((stage) => (
        <Column
          key={stage}
          workspaceId={workspaceId}
          query={{ ...query, stage, limit: 100 }}
          stage={stage}
          stages={stages}
          over={dragged !== undefined && dragged.stage !== stage}
          refused={refused?.id}
          onDrag={setDragged}
          onDrop={() => dragged && move(dragged, stage)}
          onMove={move}
          onKey={onKey}
          onAdd={() => onAdd(stage)}
        />
      ))}
    </div>
  );
}

/** The card beside, above or below. */
function neighbour(card: HTMLElement, key: string): HTMLElement | null | undefined {
  const column = card.closest("section");
  const cards = [...(column?.querySelectorAll<HTMLElement>("[data-card]") ?? [])];
  const at = cards.indexOf(card);
  if (key === "ArrowDown") return cards[at + 1];
  if (key === "ArrowUp") return cards[at - 1];
  let next = key === "ArrowRight" ? column?.nextElementSibling : column?.previousElementSibling;
  while (next && !next.querySelector("[data-card]"))
    next = key === "ArrowRight" ? next.nextElementSibling : next.previousElementSibling;
  const beside = next?.querySelectorAll<HTMLElement>("[data-card]");
  return beside?.[Math.min(at, beside.length - 1)];
}

interface ColumnProps {
  workspaceId: string;
  query: RecordQuery;
  stage: string;
  stages: string[];
  /** Something is held that can be dropped here. */
  over: boolean;
  refused: string | undefined;
  onDrag: (deal: CrmRecord | undefined) => void;
  onDrop: () => void;
  onMove: (deal: CrmRecord, stage: string) => void;
  onKey: (event: KeyboardEvent, deal: CrmRecord) => void;
  onAdd: () => void;
}

function Column(props: ColumnProps) {
  const { stage } = props;
  const list = useRecordList(props.workspaceId, props.query);
  const [hovered, setHovered] = useState(false);
  // What was moved a moment ago is in the list of the stage it left, until that is read again.
  const deals = list.records.filter((r) => r.stage === stage);
  const total = sums(deals);
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setHovered(false);
    props.onDrop();
  };
  return (
    <section
      className={classes.column}
      aria-label={capital(stage)}
      data-over={(props.over && hovered) || undefined}
      onDragOver={(event) => {
        if (!props.over) return;
        event.preventDefault();
        setHovered(true);
      }}
      onDragLeave={(event) => !event.currentTarget.contains(event.relatedTarget as Node) && setHovered(false)}
      onDrop={drop}
    >
      <header className={classes.head}>
        <h2>{capital(stage)}</h2>
        <span className={classes.count}>{list.isPending ? "" : count(list.total ?? deals.length)}</span>
        <span className={classes.sum} title={list.hasNextPage ? `Of the first ${deals.length}` : undefined} data-number>
          {total && list.hasNextPage ? `over ${total}` : total}
        </span>
      </header>
      <div className={classes.cards}>
        {list.isPending && <Bones rows={2} height={64} />}
        {list.error && !list.data && <Failed error={list.error} retry={list.refetch} title="Not loaded" />}
        {deals.map((deal) => (
          <Card key={deal.id} deal={deal} {...props} />
        ))}
        <More list={list} />
        <button type="button" className={classes.add} onClick={props.onAdd}>
          New deal<span className="visually-hidden"> in {capital(stage)}</span>
        </button>
      </div>
    </section>
  );
}

const late = (deal: CrmRecord) =>
  deal.close_date !== null &&
  deal.close_date !== "" &&
  deal.close_date < new Date().toISOString().slice(0, 10) &&
  deal.stage !== "won" &&
  deal.stage !== "lost";

function Card({ deal, stages, refused, onDrag, onMove, onKey }: ColumnProps & { deal: CrmRecord }) {
  return (
    <div className={classes.card} data-refused={refused === deal.id || undefined}>
      <Link
        to={paths.record}
        params={{ record: deal.id }}
        className={classes.body}
        data-card={deal.id}
        draggable
        aria-describedby="board-keys"
        onDragStart={(event) => {
          event.dataTransfer.effectAllowed = "move";
          event.dataTransfer.setData("text/plain", deal.name);
          onDrag(deal);
        }}
        onDragEnd={() => onDrag(undefined)}
        onKeyDown={(event) => onKey(event, deal)}
      >
        <span className={classes.name}>{deal.name}</span>
        <span className={classes.line}>
          <span className={classes.amount} data-number>
            {money(deal.amount)}
          </span>
          {deal.company && <span className={classes.company}>{deal.company.name}</span>}
        </span>
        {(deal.close_date || deal.owner || deal.tags.length > 0) && (
          <span className={classes.line}>
            {deal.close_date && (
              <span className={classes.date} data-late={late(deal) || undefined}>
                {late(deal) ? "was due " : ""}
                {dayText(deal.close_date)}
              </span>
            )}
            {deal.tags.slice(0, 2).map((t) => (
              <TagPill key={t.id} tag={t} />
            ))}
            {deal.owner && (
              <span className={classes.owner} title={deal.owner.name}>
                <Avatar name={deal.owner.name} email={deal.owner.id} size={20} />
                <span className="visually-hidden">{deal.owner.name}</span>
              </span>
            )}
          </span>
        )}
      </Link>
      <Menu position="bottom-end" width={180}>
        <Menu.Target>
          <button type="button" className={cx(pieces.sign, classes.more)} aria-label={`Move ${deal.name}`}>
            <Ellipsis size={14} />
          </button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Label>Move to</Menu.Label>
          {stages.map((s) => (
            <Menu.Item key={s} disabled={s === deal.stage} onClick={() => onMove(deal, s)}>
              {capital(s)}
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
    </div>
  );
}
