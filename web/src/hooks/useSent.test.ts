import { renderHook } from "@testing-library/react";
import { expect, it } from "vitest";
import { useSent } from "./useSent";

const sentOf = (first: string) => renderHook(() => useSent(first)).result.current;

it("knows again what was sent from here, in whatever steps it comes back", () => {
  const sent = sentOf("");
  expect(sent.send("a")).toBe(true);
  expect(sent.send("ab")).toBe(true);
  expect(sent.send("ab")).toBe(false);
  expect(sent.isForeign("a")).toBe(false);
  expect(sent.send("abc")).toBe(true);
  expect(sent.isForeign("abc")).toBe(false);
});

it("takes the way back for what it is: somebody else's", () => {
  const sent = sentOf("old");
  expect(sent.isForeign("old")).toBe(false);
  sent.send("older");
  expect(sent.isForeign("older")).toBe(false);
  expect(sent.isForeign("old")).toBe(true);
  expect(sent.isForeign("older")).toBe(true);
  expect(sent.send("older")).toBe(false);
});
