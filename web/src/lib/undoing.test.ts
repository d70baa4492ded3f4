import { expect, it } from "vitest";
import { cannotUndo, canUndo, undoLast } from "./undoing";

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
