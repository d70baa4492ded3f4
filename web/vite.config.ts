import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { constants, gzipSync } from "node:zlib";
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

/**
 * Keeps what compresses well as name.gz only: the program embeds dist/ as it is and answers with these bytes. The same
 * sources give the same bytes on every machine: no time stands in them, and the byte that names the system says "unknown".
 */
function packedFiles(): Plugin {
  let dist = "";
  return {
    name: "rapport-packed-files",
    apply: "build",
    configResolved(config) {
      dist = resolve(config.root, config.build.outDir);
    },
    closeBundle() {
      for (const name of readdirSync(dist, { recursive: true, encoding: "utf8" })) {
        const file = join(dist, name);
        if (!/\.(js|css|svg|json)$/.test(name) || statSync(file).size < 1024) {
          continue;
        }
        const packed = gzipSync(readFileSync(file), { level: constants.Z_BEST_COMPRESSION });
        packed[9] = 255; // RFC 1952, 2.3.1: OS
        writeFileSync(`${file}.gz`, packed);
        rmSync(file);
      }
    },
  };
}

export default defineConfig(({ mode }) => ({
  plugins: [react(), swaggerFiles(), packedFiles(), ...(mode === "sample" ? [sampleServer()] : [])],
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
    testTimeout: 120_000,
  },
}));
