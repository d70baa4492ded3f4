import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { Empty, Failed, useTitle } from "@/ui/kit";
import classes from "./fallbacks.module.css";
import { paths } from "./paths";

export function NotFound() {
  useTitle("Not found");
  return (
    <main className={classes.whole}>
      <Empty
        title="There is no page here"
        action={
          <Button component={Link} to={paths.home}>
            Go to the start page
          </Button>
        }
      >
        The address may be old, or it belongs to a part that is not in this version.
      </Empty>
    </main>
  );
}

export function Lost({ error, reset }: { error: unknown; reset: () => void }) {
  useTitle("Something went wrong");
  return (
    <main className={classes.whole}>
      <Failed error={error} title="This page could not be shown" retry={reset} />
    </main>
  );
}
