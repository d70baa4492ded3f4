import { defineConfig } from "orval";

/** Types and calls from the program's own description: `rapport openapi > web/openapi.json`, then `npm run gen`. */
export default defineConfig({
  rapport: {
    input: "./openapi.json",
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
