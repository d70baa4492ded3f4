/** What Z takes back: the last thing done that has a way back, be it a change of mail or a sending. */
type Undo = () => void;

let ways: Undo[] = [];

export const canUndo = (undo: Undo) => {
  ways = [...ways, undo];
};

export const cannotUndo = (undo: Undo | undefined) => {
  ways = ways.filter((way) => way !== undo);
};

/**
 * Takes the place of what is under way: Z pressed before the answer is here takes it back when it is, and not the
 * thing done before it. Nothing is taken back where nothing came of it, or it was refused. Says whether it is being
 * taken back: then nobody is told that it was done.
 */
export function willUndo(asked: Promise<Undo | undefined>): () => boolean {
  const nothing = () => undefined;
  let isTaken = false;
  const meanwhile = () => {
    isTaken = true;
    void asked.then((undo) => undo?.(), nothing);
  };
  canUndo(meanwhile);
  const settle = (undo?: Undo) => {
    ways = ways.flatMap((way) => (way !== meanwhile ? [way] : undo ? [undo] : []));
  };
  void asked.then(settle, () => settle());
  return () => isTaken;
}

/** Nothing of before is taken back any more: it was somebody else's. */
export const forgetUndos = () => {
  ways = [];
};

export function undoLast() {
  const undo = ways.at(-1);
  cannotUndo(undo);
  undo?.();
}
