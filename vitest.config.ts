import { defineConfig } from 'vitest/config';

/** Set by `.ci/run` and `npm run check`, which count tests from the JSON report. */
const reportFile = process.env.COURIER_TEST_REPORT;

// graphql 16 is two modules, and its errors know only their own kind: everything takes the one that
// Node itself would.
const resolve = { alias: [{ find: /^graphql$/, replacement: 'graphql/index.js' }] };

const shared = {
  setupFiles: ['test/support/setup.ts'],
  // aws-crt keeps native handles and threads: a test file gets a process, not a worker thread.
  pool: 'forks' as const,
  hookTimeout: 60_000,
  teardownTimeout: 20_000,
};

export default defineConfig({
  test: {
    reporters: reportFile ? ['default', ['json', { outputFile: reportFile }]] : ['default'],
    projects: [
      {
        resolve,
        test: {
          ...shared,
          name: 'test',
          include: ['test/**/*.test.ts'],
          exclude: ['test/{e2e,chaos,cluster}/**'],
          testTimeout: 30_000,
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        resolve,
        // The store's own tests once more, on a Redis Cluster, and what only a cluster can do.
        test: {
          ...shared,
          name: 'cluster',
          include: [
            'test/cluster/**/*.test.ts',
            'test/store/{batches,crash,delivery,endings,groupDeletion,groupMembership,groups,identities,identityIndex,identityRemovals,indexBounds,intake,lanes,leases,memberChoice,outOfMemory,schedule,search,sweep}.test.ts',
          ],
          globalSetup: ['test/cluster/sharedCluster.ts'],
          // One process for all: what each file would import anew costs more than its tests.
          isolate: false,
          testTimeout: 60_000,
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
      {
        // Each file here starts a whole deployment; two at once would only measure each other.
        test: {
          ...shared,
          name: 'e2e',
          include: ['test/{e2e,chaos}/**/*.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
