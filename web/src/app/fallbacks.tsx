import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { Empty, Failed, useTitle } from "@/ui/kit";
import classes from "./fallbacks.module.css";
import { paths } from "./paths";

/** `within` the shell, which is the page's main part already. */
export function NotFound({ within }: { within?: boolean }) {
  useTitle("Not found");
  const Whole = within ? "div" : "main";
  return (
    <Whole className={classes.whole}>
      <Empty
        title="There is no page here"
        action={
          <Button component={Link} to={paths.home}>
            Go to the start page
          </Button>
        }
      >
        The address may be old, or it belongs to a part that is not open to you.
      </Empty>
    </Whole>
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
