import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

// The page is served by the Go server under its own origin, at any path; all
// addresses are relative. In development /api goes to a running weft.
const weft = process.env.WEFT_ADDR ?? 'http://127.0.0.1:8080';

export default defineConfig({
  base: './',
  plugins: [svelte()],
  server: { proxy: { '/api': { target: weft, changeOrigin: true, headers: { origin: weft } } } },
  build: {
    outDir: '../internal/studio/dist',
    emptyOutDir: true,
    target: 'es2022',
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    reportCompressedSize: true,
    rolldownOptions: {
      output: {
        entryFileNames: 'assets/[name]-[hash].js',
        chunkFileNames: 'assets/[name]-[hash].js',
        assetFileNames: 'assets/[name]-[hash][extname]'
      }
    }
  },
  test: { environment: 'node', include: ['src/**/*.test.ts'], testTimeout: 30_000 }
});
