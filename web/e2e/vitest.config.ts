import { defineConfig } from 'vitest/config';

// The page in a browser, with a server of its own. One file after the other: they measure, and the machine is small.
export default defineConfig({
  root: import.meta.dirname,
  test: {
    environment: 'node',
    include: ['*.test.ts'],
    globalSetup: './setup.ts',
    fileParallelism: false,
    testTimeout: 240_000,
    hookTimeout: 240_000
  }
});
