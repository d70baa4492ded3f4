import { Button } from "@mantine/core";
import { useEffect, useRef } from "react";
import classes from "./More.module.css";

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
