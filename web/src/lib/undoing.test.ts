import { expect, it } from "vitest";
import { cannotUndo, canUndo, undoLast, willUndo } from "./undoing";

it("takes back the last thing first, each once, and nothing that is over", () => {
  const done: string[] = [];
  const way = (name: string) => {
    const undo = () => void done.push(name);
    canUndo(undo);
    return undo;
  };
  way("archived");
  const over = way("sent");
  way("labelled");
  undoLast();
  cannotUndo(over);
  undoLast();
  undoLast();
  expect(done).toEqual(["labelled", "archived"]);
});

it("takes back what is under way once it is done, and not what was done before it", async () => {
  const done: string[] = [];
  canUndo(() => void done.push("earlier"));
  let answer: (undo: (() => void) | undefined) => void = () => undefined;
  const asked = new Promise<(() => void) | undefined>((resolve) => {
    answer = resolve;
  });
  const isTaken = willUndo(asked);
  expect(isTaken()).toBe(false);
  undoLast();
  expect(isTaken()).toBe(true);
  expect(done).toEqual([]);
  answer(() => void done.push("under way"));
  await asked;
  expect(done).toEqual(["under way"]);
  undoLast();
  undoLast();
  expect(done).toEqual(["under way", "earlier"]);
});

it("keeps its place when it is done, and leaves none where nothing came of it", async () => {
  const done: string[] = [];
  const first = Promise.resolve(() => {
    done.push("first");
  });
  willUndo(first);
  willUndo(Promise.resolve(undefined));
  const refused = Promise.reject(new Error("no"));
  willUndo(refused);
  canUndo(() => void done.push("later"));
  await first;
  await refused.catch(() => undefined);
  await Promise.resolve();
  undoLast();
  undoLast();
  undoLast();
  expect(done).toEqual(["later", "first"]);
});
