import { defineConfig } from 'vitest/config';

// The page in a browser, with a server of its own. One file after the other: they measure, and the machine is small.
// In the mode "shots" it takes pictures instead.
export default defineConfig(({ mode }) => ({
  root: import.meta.dirname,
  test: {
    environment: 'node',
    include: mode === 'shots' ? ['shots.ts'] : ['*.test.ts'],
    globalSetup: './setup.ts',
    fileParallelism: false,
    retry: 1, // a busy machine may miss a moment
    testTimeout: 240_000,
    hookTimeout: 240_000
  }
}));
