import { svelte } from "@sveltejs/vite-plugin-svelte";
import { svelteTesting } from "@testing-library/svelte/vite";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

// The gallery is the same window on the fake back end, for screenshots and accessibility checks in a browser.
export default defineConfig(({ mode }) => ({
  plugins: [svelte(), svelteTesting()],
  resolve: { alias: { $lib: fileURLToPath(new URL("./src", import.meta.url)) } },
  define: { __FAKE__: JSON.stringify(mode !== "production" && mode !== "development") },
  // Files, never data: addresses, because the content policy forbids those for scripts and fonts.
  build: {
    outDir: mode === "gallery" ? "dist-gallery" : "dist",
    target: "safari16",
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 900,
    sourcemap: false,
    modulePreload: { polyfill: false },
  },
  server: { port: 5173, strictPort: true },
  test: {
    environment: "happy-dom",
    include: ["tests/**/*.test.ts", "src/**/*.test.ts"],
    setupFiles: ["tests/setup.ts"],
  },
}));
