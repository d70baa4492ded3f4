/** Parts that the pages of the administration share. */
import { Button } from "@mantine/core";
import { type ReactNode, useEffect, useRef } from "react";
import { Bones, Card, Failed } from "@/ui/kit";
import classes from "./admin.module.css";

interface ListProps {
  query: { isPending: boolean; error: unknown; refetch: () => unknown; data?: unknown };
  /** What was to be loaded: "The members". */
  what: string;
  empty: boolean;
  whenEmpty: ReactNode;
  rows?: number;
  children: ReactNode;
}

/** A list in any of its states: on its way, failed, empty, there. */
export function List({ query, what, empty, whenEmpty, rows = 4, children }: ListProps) {
  if (query.isPending) {
    return (
      <Card>
        <Bones rows={rows} height={52} />
      </Card>
    );
  }
  if (query.error && !query.data) {
    return (
      <Card>
        <Failed error={query.error} retry={query.refetch} title={`${what} could not be loaded`} />
      </Card>
    );
  }
  if (empty) return <Card>{whenEmpty}</Card>;
  return <>{children}</>;
}

interface MoreProps {
  list: {
    data?: { pages: unknown[] };
    hasNextPage: boolean;
    isFetchingNextPage: boolean;
    fetchNextPage: () => unknown;
  };
}

/** The end of a list that goes on: loads as it comes into sight, and by its button. */
export function More({ list }: MoreProps) {
  const end = useRef<HTMLDivElement>(null);
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = list;
  const read = list.data?.pages.length ?? 0;
  // biome-ignore lint/correctness/useExhaustiveDependencies: after a page that changes nothing else, the end is looked at again
  useEffect(() => {
    if (!hasNextPage || isFetchingNextPage || !end.current || typeof IntersectionObserver === "undefined") return;
    const watch = new IntersectionObserver((seen) => seen.some((s) => s.isIntersecting) && void fetchNextPage(), {
      rootMargin: "300px",
    });
    watch.observe(end.current);
    return () => watch.disconnect();
  }, [read, hasNextPage, isFetchingNextPage, fetchNextPage]);
  if (!hasNextPage) return null;
  return (
    <div className={classes.more} ref={end}>
      <Button variant="subtle" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
        Show more
      </Button>
    </div>
  );
}

/** What is shown this one time. */
export function Once({ children, note }: { children: ReactNode; note: ReactNode }) {
  return (
    <div className={classes.once}>
      {children}
      <p className={classes.onceNote}>{note}</p>
    </div>
  );
}

export function Tags({ items }: { items: ReactNode[] }) {
  return (
    <span className={classes.tags}>
      {items.map((item, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: labels without identity
        <span key={i} className={classes.tag}>
          {item}
        </span>
      ))}
    </span>
  );
}
