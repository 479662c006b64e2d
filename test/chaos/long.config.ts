import { defineConfig } from 'vitest/config';

/** `npm run chaos`: the scenarios at their full size, one at a time. */
export default defineConfig({
  test: {
    setupFiles: ['test/support/setup.ts'],
    pool: 'forks',
    include: ['test/chaos/**/*.test.ts'],
    env: { CHAOS_SIZE: 'long' },
    testTimeout: 1_800_000,
    hookTimeout: 60_000,
    teardownTimeout: 20_000,
    maxWorkers: 1,
  },
});
