import { defineConfig } from "orval";

/** TypeScript has a `Record` of its own, which the generated code uses: the API's is called `CrmRecord` there. */
const renamed = { Record: "CrmRecord" };

function rename<T>(spec: T): T {
  let text = JSON.stringify(spec);
  for (const [from, to] of Object.entries(renamed))
    text = text.replaceAll(`"#/components/schemas/${from}"`, `"#/components/schemas/${to}"`);
  const next = JSON.parse(text);
  const schemas = next.components?.schemas ?? {};
  for (const [from, to] of Object.entries(renamed)) {
    if (schemas[from]) schemas[to] = schemas[from];
    delete schemas[from];
  }
  return next;
}

/** Types and calls from the program's own description: `rapport openapi > web/openapi.json`, then `npm run gen`. */
export default defineConfig({
  rapport: {
    input: { target: "./openapi.json", override: { transformer: rename } },
    output: {
      target: "./src/lib/generated/api.ts",
      client: "fetch",
      mode: "single",
      clean: true,
      override: {
        fetch: { includeHttpResponseReturnType: false },
        mutator: { path: "./src/lib/http.ts", name: "call" },
      },
    },
  },
});
