/** What goes one after the other, by name. */
const lines = new Map<string, Promise<unknown>>();

/** Runs it when everything before it in its line has ended, well or not. */
export function inLine<T>(name: string, run: () => Promise<T>): Promise<T> {
  const mine = (lines.get(name) ?? Promise.resolve()).then(run, run);
  lines.set(name, mine);
  const leave = () => {
    if (lines.get(name) === mine) lines.delete(name);
  };
  mine.then(leave, leave);
  return mine;
}
