import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";
import type { Plugin } from "vite";

/**
 * `npm run dev` talks to a running program (RAPPORT_URL, default http://127.0.0.1:8000).
 * `npm run dev:sample` answers from the sample data in src/testing, the same that the tests use.
 */
function sampleServer(): Plugin {
  return {
    name: "rapport-sample-server",
    async configureServer(server) {
      const { serveSample } = (await server.ssrLoadModule("/src/testing/server.ts")) as typeof import("./src/testing/server");
      server.middlewares.use(serveSample);
    },
  };
}

/** The files of Swagger UI for the program's /docs page, so that it works without the internet. */
function swaggerFiles(): Plugin {
  return {
    name: "rapport-swagger-files",
    apply: "build",
    generateBundle() {
      for (const name of ["swagger-ui.css", "swagger-ui-bundle.js"]) {
        const file = fileURLToPath(new URL(`./node_modules/swagger-ui-dist/${name}`, import.meta.url));
        this.emitFile({ type: "asset", fileName: `docs/${name}`, source: readFileSync(file) });
      }
    },
  };
}

export default defineConfig(({ mode }) => ({
  plugins: [react(), swaggerFiles(), ...(mode === "sample" ? [sampleServer()] : [])],
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  server: {
    proxy: mode === "sample" ? undefined : { "/api": process.env.RAPPORT_URL ?? "http://127.0.0.1:8000" },
  },
  build: {
    target: "es2022",
    chunkSizeWarningLimit: 800,
    assetsInlineLimit: 0,
  },
  test: {
    include: ["src/**/*.test.{ts,tsx}"],
    environment: "happy-dom",
    setupFiles: ["src/testing/setup.ts"],
    css: false,
    testTimeout: 30_000,
  },
}));
