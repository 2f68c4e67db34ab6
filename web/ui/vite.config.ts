// Build of the browser client: one small entry with sign-in and the wall, everything else in chunks of its own.
// Output goes to web/static, which the web service serves; nothing is inlined, so a strict CSP holds.
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

const api = process.env.VMS_DEV_API ?? "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [svelte()],
  build: {
    outDir: "../static",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
    chunkSizeWarningLimit: 600,
  },
  server: {
    proxy: {
      "/api": { target: api, ws: true },
      "/healthz": api,
      "/readyz": api,
    },
  },
  test: { include: ["src/**/*.test.ts"], environment: "node" },
});
