import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { expect, it } from "vitest";

const root = join(import.meta.dirname);
const files = readdirSync(root, { recursive: true, encoding: "utf8" })
  .filter((f) => /\.tsx?$/.test(f) && !f.startsWith("lib/generated"))
  .map((name) => ({ name, text: readFileSync(join(root, name), "utf8") }));

const imports = (text: string) => [...text.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)].map((m) => m[1] ?? "");
const place = (file: string, spec: string) =>
  spec.startsWith("@/") ? spec.slice(2) : spec.startsWith(".") ? relative(root, join(root, file, "..", spec)) : "";
const room = (path: string) => /^features\/([^/]+)/.exec(path)?.[1];

it("features never import each other", () => {
  const bad = files.flatMap(({ name, text }) =>
    imports(text)
      .map((spec) => place(name, spec))
      .filter((to) => room(name) && room(to) && room(name) !== room(to))
      .map((to) => `${name} → ${to}`),
  );
  expect(bad).toEqual([]);
});

it("lib, hooks, actions and ui know no page", () => {
  const low = files.filter(({ name }) => /^(lib|hooks|actions|ui)\//.test(name) && !name.includes(".test."));
  const bad = low.flatMap(({ name, text }) =>
    imports(text)
      .map((spec) => place(name, spec))
      .filter((to) => /^(features|app)\//.test(to))
      .map((to) => `${name} → ${to}`),
  );
  expect(low.length).toBeGreaterThan(20);
  expect(bad).toEqual([]);
});

it("only lib calls the network and knows its paths", () => {
  const bad = files
    .filter(
      ({ name, text }) =>
        !/^(lib|testing)\//.test(name) && !name.includes(".test.") && /\bfetch\(|\/api\/v1/.test(text),
    )
    .map((f) => f.name);
  expect(bad).toEqual([]);
});

it("files stay readable", () => {
  expect(files.filter((f) => f.text.split("\n").length > 400).map((f) => f.name)).toEqual([]);
});
