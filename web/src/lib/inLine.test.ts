import { expect, it } from "vitest";
import { inLine } from "./inLine";

it("goes one after the other in a line, also behind what failed, and beside other lines", async () => {
  const done: string[] = [];
  let answer: () => void = () => undefined;
  const first = inLine("a", () => new Promise<void>((_, refuse) => (answer = () => refuse(new Error("no")))));
  const second = inLine("a", async () => void done.push("second"));
  await inLine("b", async () => void done.push("beside"));
  expect(done).toEqual(["beside"]);
  answer();
  await expect(first).rejects.toThrow("no");
  await second;
  expect(done).toEqual(["beside", "second"]);
});
