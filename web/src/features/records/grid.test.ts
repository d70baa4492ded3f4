import { act, renderHook } from "@testing-library/react";
import { expect, it } from "vitest";
import { useSpot } from "./grid";

const list = (...ids: string[]) => ids.map((id) => ({ id }));

it("stays with its record where the list comes in another order", () => {
  const { result, rerender } = renderHook(({ records }) => useSpot(records), {
    initialProps: { records: list("a", "b", "c") },
  });
  expect(result.current.spot).toEqual({ row: 0, column: 0 });
  act(() => result.current.setSpot({ row: 1, column: 2 }));
  rerender({ records: list("c", "a", "b") });
  expect(result.current.spot).toEqual({ row: 2, column: 2 });
  act(() => result.current.setSpot({ row: 0, column: 2 }));
  rerender({ records: list("a", "b", "c") });
  expect(result.current.spot).toEqual({ row: 2, column: 2 });
});

it("says when its record has left the list, and stays in its row", () => {
  const { result, rerender } = renderHook(({ records }) => useSpot(records), {
    initialProps: { records: list("a", "b") },
  });
  act(() => result.current.setSpot({ row: 1, column: 0 }));
  expect(result.current.isGone).toBe(false);
  rerender({ records: list("a") });
  expect(result.current.isGone).toBe(true);
  expect(result.current.spot.row).toBe(1);
});
