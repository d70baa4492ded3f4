import { notificationsStore } from "@mantine/notifications";
import { QueryClient } from "@tanstack/react-query";
import { expect, it } from "vitest";
import { canUndo, undoLast, willUndo } from "@/lib/undoing";
import { say } from "@/ui/toast";
import { forgetSession } from "./session";

it("leaves the next one who signs in nothing of the one before", async () => {
  const client = new QueryClient();
  const done: string[] = [];
  client.setQueryData(["mail"], "of Mara");
  canUndo(() => void done.push("archived"));
  let answer: (undo: () => void) => void = () => undefined;
  const asked = new Promise<() => void>((resolve) => {
    answer = resolve;
  });
  willUndo(asked);
  for (const id of ["1", "2", "3", "4", "5", "6", "7"]) say({ id, text: "Archived", ms: false });
  forgetSession(client);
  answer(() => void done.push("labelled")); // its answer comes when she has gone
  await asked;
  undoLast();
  expect(done).toEqual([]);
  expect(client.getQueryData(["mail"])).toBeUndefined();
  const { notifications, queue } = notificationsStore.getState();
  expect([...notifications, ...queue]).toEqual([]);
});
