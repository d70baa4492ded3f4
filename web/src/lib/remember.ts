import { useCallback, useState } from "react";

/** A choice of this browser (a width, a folded bar), kept across visits. Storage may be full or forbidden: then it lasts for the visit. */
export function useRemembered<T>(name: string, initial: T): [T, (value: T) => void] {
  const [value, setValue] = useState<T>(() => read(name, initial));
  const keep = useCallback(
    (next: T) => {
      setValue(next);
      write(name, next);
    },
    [name],
  );
  return [value, keep];
}

const key = (name: string) => `rapport.${name}`;

export function read<T>(name: string, initial: T, storage = () => localStorage): T {
  try {
    const text = storage().getItem(key(name));
    return text === null ? initial : (JSON.parse(text) as T);
  } catch {
    return initial;
  }
}

export function write(name: string, value: unknown, storage = () => localStorage) {
  try {
    storage().setItem(key(name), JSON.stringify(value));
  } catch {
    // Nothing to do: the value still holds for this visit.
  }
}
