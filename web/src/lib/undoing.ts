/** What Z takes back: the last thing done that has a way back, be it a change of mail or a sending. */
let ways: (() => void)[] = [];

export const canUndo = (undo: () => void) => {
  ways = [...ways, undo];
};

export const cannotUndo = (undo: (() => void) | undefined) => {
  ways = ways.filter((way) => way !== undo);
};

export function undoLast() {
  const undo = ways.at(-1);
  cannotUndo(undo);
  undo?.();
}
