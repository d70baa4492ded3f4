import type { ReactNode } from "react";
import classes from "./Table.module.css";

export interface Column {
  id: string;
  title: ReactNode;
  /** Said to readers of the screen only. */
  hidden?: boolean;
  /** Left out on a phone. */
  wide?: boolean;
  /** At the right, as numbers and buttons. */
  end?: boolean;
  width?: string;
}

/** A dense table. Cells carry the same `data-wide` and `data-end` as their column. */
export function Table({ columns, label, children }: { columns: Column[]; label: string; children: ReactNode }) {
  return (
    <div className={classes.wrap}>
      <table className={classes.table} aria-label={label}>
        <thead>
          <tr>
            {columns.map((c) => (
              <th key={c.id} scope="col" data-wide={c.wide} data-end={c.end} style={{ width: c.width }}>
                {c.hidden ? <span className="visually-hidden">{c.title}</span> : c.title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}

export function Cell({
  wide,
  end,
  quiet,
  main,
  label,
  children,
}: {
  wide?: boolean;
  /** What the row is about; on a phone it has a line of its own. */
  main?: boolean;
  /** Said before it on a phone, where there is no head. */
  label?: string;
  end?: boolean;
  quiet?: boolean;
  children?: ReactNode;
}) {
  return (
    <td data-wide={wide} data-end={end} data-quiet={quiet} data-main={main} data-label={label}>
      {children}
    </td>
  );
}
