/** Which columns a table has, and in which order. */
import { Button, Checkbox, Popover } from "@mantine/core";
import { ChevronDown, ChevronUp, Columns3 } from "lucide-react";
import { useState } from "react";
import type { Field } from "@/lib/recordFields";
import { moved } from "@/lib/recordView";
import classes from "./Bar.module.css";

interface Props {
  fields: Field[];
  columns: Field[];
  onChange: (keys: string[] | null) => void;
}

export function ColumnChooser({ fields, columns, onChange }: Props) {
  const [open, setOpen] = useState(false);
  const shown = columns.filter((f) => f.kind !== "name").map((f) => f.key);
  const hidden = fields.filter((f) => f.kind !== "name" && !shown.includes(f.key));
  return (
    <Popover
      opened={open}
      onChange={setOpen}
      position="bottom-end"
      trapFocus
      returnFocus
      shadow="none"
      classNames={{ dropdown: classes.dropdown }}
    >
      <Popover.Target>
        <Button
          size="xs"
          variant="subtle"
          leftSection={<Columns3 size={14} />}
          data-columns-button
          onClick={() => setOpen(!open)}
        >
          Columns
        </Button>
      </Popover.Target>
      <Popover.Dropdown aria-label="Columns">
        <ul className={classes.columns}>
          {columns
            .filter((f) => f.kind !== "name")
            .map((f, i) => (
              <li key={f.key}>
                <Checkbox label={f.name} checked onChange={() => onChange(shown.filter((k) => k !== f.key))} />
                <span>
                  <button
                    type="button"
                    aria-label={`Move ${f.name} to the left`}
                    disabled={i === 0}
                    onClick={() => onChange(moved(shown, f.key, -1))}
                  >
                    <ChevronUp size={14} />
                  </button>
                  <button
                    type="button"
                    aria-label={`Move ${f.name} to the right`}
                    disabled={i === shown.length - 1}
                    onClick={() => onChange(moved(shown, f.key, 1))}
                  >
                    <ChevronDown size={14} />
                  </button>
                </span>
              </li>
            ))}
          {hidden.map((f) => (
            <li key={f.key}>
              <Checkbox label={f.name} checked={false} onChange={() => onChange([...shown, f.key])} />
            </li>
          ))}
        </ul>
        <Button size="xs" variant="subtle" fullWidth onClick={() => onChange(null)}>
          As they were
        </Button>
      </Popover.Dropdown>
    </Popover>
  );
}
