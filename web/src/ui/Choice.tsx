/** One of a few: as cards that explain themselves, or as segments in one line. */
import { Radio } from "@mantine/core";
import { type ReactNode, useId } from "react";
import type { Tone } from "../lib/connection";
import classes from "./Choice.module.css";

export interface Option<T extends string> {
  value: T;
  title: string;
  detail?: ReactNode;
  more?: ReactNode;
}

interface Props<T extends string> {
  label: string;
  value: T;
  options: Option<T>[];
  disabled?: boolean;
  onChange: (value: T) => void;
}

export function ChoiceCards<T extends string>({ label, value, options, disabled, onChange }: Props<T>) {
  const name = useId();
  return (
    <div
      className={classes.cards}
      role="radiogroup"
      aria-label={label}
      style={{ "--choices": options.length > 3 ? 2 : options.length } as never}
    >
      {options.map((option) => (
        // biome-ignore lint/a11y/noLabelWithoutControl: the radio button stands within
        <label key={option.value} className={classes.card} data-chosen={option.value === value || undefined}>
          <Radio
            name={name}
            value={option.value}
            checked={option.value === value}
            disabled={disabled}
            onChange={() => onChange(option.value)}
            aria-label={option.title}
            aria-describedby={`${name}${option.value}`}
          />
          <span className={classes.cardText}>
            <span className={classes.cardTitle}>{option.title}</span>
            <span id={`${name}${option.value}`} className={classes.cardDetail}>
              {option.detail}
            </span>
            {option.more}
          </span>
        </label>
      ))}
    </div>
  );
}

export interface Segment<T extends string> {
  value: T;
  title: ReactNode;
  tone?: Tone;
}

/** A switch with more than two places. */
export function Segments<T extends string>({
  label,
  value,
  options,
  disabled,
  onChange,
}: Omit<Props<T>, "options"> & { options: Segment<T>[] }) {
  const name = useId();
  return (
    <div className={classes.segments} role="radiogroup" aria-label={label}>
      {options.map((option) => (
        <label key={option.value} className={classes.segment} data-tone={option.tone}>
          <input
            type="radio"
            name={name}
            value={option.value}
            checked={option.value === value}
            disabled={disabled}
            onChange={() => onChange(option.value)}
          />
          <span>{option.title}</span>
        </label>
      ))}
    </div>
  );
}
