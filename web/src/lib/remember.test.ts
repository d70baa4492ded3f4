import { expect, it } from "vitest";
import { read, write } from "./remember";

it("keeps a value", () => {
  write("width", 300);
  expect(read("width", 1)).toBe(300);
});

it("falls back where nothing, or nothing readable, is stored", () => {
  expect(read("never", 7)).toBe(7);
  localStorage.setItem("rapport.broken", "{");
  expect(read("broken", 7)).toBe(7);
});

it("works where storage is forbidden", () => {
  const forbidden = () => {
    throw new Error("SecurityError");
  };
  write("x", 1, forbidden);
  expect(read("x", 2, forbidden)).toBe(2);
});
