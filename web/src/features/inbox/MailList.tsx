import { useVirtualizer } from "@tanstack/react-virtual";
import { ArrowUp } from "lucide-react";
import { useEffect, useLayoutEffect, useRef, useState } from "react";
import { plural } from "@/lib/format";
import { Bones } from "@/ui/kit";
import { keyOf, type Wish } from "./changes";
import { EmailListItem, rowHeight } from "./EmailListItem";
import classes from "./MailList.module.css";
import { useNames } from "./names";
import { rowsAbove, type Thread, whoOf } from "./threads";
import { canChange, type Selection } from "./useSelection";

interface Props {
  /** Names what is listed; the place in a list is remembered under it. */
  name: string;
  threads: Thread[];
  cursor: string | undefined;
  open: string | undefined;
  /** The row that shall have the focus as soon as it is there. */
  wanted: React.RefObject<string | undefined>;
  mine: Set<string>;
  /** What the reader sent: each row says to whom. */
  sent: boolean;
  words: string[];
  total: number | undefined;
  hasMore: boolean;
  isLoadingMore: boolean;
  onMore: () => void;
  selection: Selection;
  returned: ReadonlySet<string>;
  onNear: (thread: Thread) => void;
  onFocus: (id: string) => void;
  onChange: (thread: Thread, wish: Wish) => void;
}

/** Where each list was left, for the way back to it. */
const places = new Map<string, number>();

const wideFrom = 680;

/** The conversations; only the rows in sight exist. */
export function MailList(props: Props) {
  const { name, threads, cursor, open, hasMore, isLoadingMore, onMore } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const [wide, setWide] = useState(false);
  const height = rowHeight(wide);
  const rows = useVirtualizer({
    count: threads.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => height,
    getItemKey: (i) => threads[i]?.id ?? i,
    overscan: 8,
    initialOffset: places.get(name) ?? 0,
  });
  useWidth(scroller, (width) => setWide(width >= wideFrom));
  // biome-ignore lint/correctness/useExhaustiveDependencies: all rows change their height at once
  useLayoutEffect(() => rows.measure(), [height]);
  usePlace(name, scroller);
  const arrived = useSteadyView(threads, height, scroller);

  const at = threads.findIndex((t) => t.id === cursor);
  // biome-ignore lint/correctness/useExhaustiveDependencies: only a moved mark may scroll
  useEffect(() => {
    if (at >= 0) rows.scrollToIndex(at, { align: "auto" });
  }, [cursor]);

  useFocus(props.wanted, scroller);
  const names = useNames();

  const items = rows.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (hasMore && !isLoadingMore && last >= threads.length - 12) onMore();
  }, [hasMore, isLoadingMore, last, threads.length, onMore]);

  return (
    <div className={classes.area}>
      {arrived.count > 0 && (
        <button type="button" className={classes.arrived} onClick={arrived.show}>
          <ArrowUp size={13} /> {plural(arrived.count, "new conversation")}
        </button>
      )}
      <div ref={scroller} className={classes.scroller}>
        <ul className={classes.rows} style={{ height: rows.getTotalSize() }} aria-label="Conversations">
          {items.map((row) => {
            const thread = threads[row.index];
            if (!thread) return null;
            return (
              <li
                key={row.key}
                className={classes.row}
                style={{ height, transform: `translateY(${row.start}px)` }}
                aria-setsize={hasMore ? -1 : threads.length}
                aria-posinset={row.index + 1}
              >
                <EmailListItem
                  thread={thread}
                  who={whoOf(thread, props.mine, names, props.sent)}
                  marked={thread.id === cursor}
                  open={thread.id === open}
                  wide={wide}
                  words={props.words}
                  ticked={canChange(thread) ? props.selection.has(thread) : undefined}
                  choosing={props.selection.choosing}
                  returned={props.returned.has(keyOf(thread.newest)) || props.returned.has(thread.newest.id)}
                  onTick={props.selection.toggle}
                  onChange={props.onChange}
                  onNear={props.onNear}
                  onFocus={props.onFocus}
                />
              </li>
            );
          })}
        </ul>
        {isLoadingMore && <Bones rows={3} height={height} />}
        {!hasMore && (
          <p className={classes.end}>
            {props.total === undefined ? "" : `${plural(props.total, "conversation")} in all`}
          </p>
        )}
      </div>
    </div>
  );
}

/** Brings the focus to the row that was asked for; a row far away exists only after the list has moved there. */
function useFocus(wanted: React.RefObject<string | undefined>, scroller: React.RefObject<HTMLElement | null>) {
  useEffect(() => {
    const row =
      wanted.current && scroller.current?.querySelector<HTMLElement>(`[data-thread="${CSS.escape(wanted.current)}"]`);
    if (!row) return;
    wanted.current = undefined;
    row.focus({ preventScroll: true });
  });
}

function useWidth(element: React.RefObject<HTMLElement | null>, onWidth: (width: number) => void) {
  const latest = useRef(onWidth);
  latest.current = onWidth;
  useLayoutEffect(() => {
    const node = element.current;
    if (!node) return;
    latest.current(node.clientWidth);
    const sizes = new ResizeObserver(() => node.clientWidth && latest.current(node.clientWidth));
    sizes.observe(node);
    return () => sizes.disconnect();
  }, [element]);
}

function usePlace(name: string, scroller: React.RefObject<HTMLElement | null>) {
  useLayoutEffect(() => {
    const node = scroller.current;
    if (!node) return;
    node.scrollTop = places.get(name) ?? 0;
    const keep = () => places.set(name, node.scrollTop);
    node.addEventListener("scroll", keep, { passive: true });
    return () => node.removeEventListener("scroll", keep);
  }, [name, scroller]);
}

/** New mail above must not push away what is being read: the view stays, and a button leads up. */
function useSteadyView(threads: Thread[], height: number, scroller: React.RefObject<HTMLElement | null>) {
  const first = useRef<string | undefined>(undefined);
  const [count, setCount] = useState(0);
  useLayoutEffect(() => {
    const node = scroller.current;
    const above = rowsAbove(first.current, threads);
    first.current = threads[0]?.id;
    if (!node || above === 0 || node.scrollTop < height / 2) return;
    node.scrollTop += above * height;
    setCount((n) => n + above);
  }, [threads, height, scroller]);
  useEffect(() => {
    const node = scroller.current;
    const clear = () => node && node.scrollTop < height && setCount(0);
    node?.addEventListener("scroll", clear, { passive: true });
    return () => node?.removeEventListener("scroll", clear);
  }, [height, scroller]);
  const show = () => {
    scroller.current?.scrollTo({ top: 0 });
    setCount(0);
  };
  return { count, show };
}
