import { Link } from "@tanstack/react-router";
import { paths } from "@/app/paths";
import { doubts, mended } from "@/lib/searchDoubts";
import type { Label } from "@/lib/types";
import classes from "./SearchDoubts.module.css";

interface Props {
  query: string | undefined;
  labels: Label[];
  onChange: (query: string) => void;
}

/** Under the search line: what of it was not understood, or cannot be found here. */
export function SearchDoubts({ query, labels, onChange }: Props) {
  const found = doubts(query, labels).slice(0, 2);
  return (
    <div role="status" className={classes.doubts}>
      {found.map((doubt) => (
        <p key={doubt.term}>
          {doubt.message}{" "}
          {doubt.instead && (
            <>
              Did you mean{" "}
              <button type="button" onClick={() => onChange(mended(query ?? "", doubt))}>
                {doubt.instead}
              </button>
              ?
            </>
          )}
          {doubt.settings && <Link to={paths.integrations}>Choose what is imported</Link>}
        </p>
      ))}
    </div>
  );
}
