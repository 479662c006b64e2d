/**
 * @typedef {'modules' | 'redis'} Need
 * @typedef {{ needs: readonly Need[], node: readonly string[] }} Command
 */

const TYPESCRIPT = ['--import', 'tsx'];

/**
 * What each command needs and what Node then runs, before the user's own arguments.
 * @type {Readonly<Record<string, Command>>}
 */
export const COMMANDS = {
  demo: { needs: ['modules', 'redis'], node: [...TYPESCRIPT, 'src/cli/main.ts', 'demo'] },
  dev: { needs: ['modules', 'redis'], node: [...TYPESCRIPT, 'src/cli/main.ts', 'dev'] },
  emulator: { needs: ['modules'], node: [...TYPESCRIPT, 'src/emulator/main.ts'] },
  test: { needs: ['modules', 'redis'], node: ['node_modules/vitest/vitest.mjs', 'run'] },
  chaos: {
    needs: ['modules', 'redis'],
    node: ['node_modules/vitest/vitest.mjs', 'run', '--config', 'test/chaos/long.config.ts'],
  },
  bench: { needs: ['modules', 'redis'], node: [...TYPESCRIPT, 'bench/fleet/main.ts'] },
  'bench:api': { needs: ['modules', 'redis'], node: [...TYPESCRIPT, 'bench/api/main.ts'] },
  courier: { needs: ['modules'], node: [...TYPESCRIPT, 'src/cli/main.ts'] },
  check: { needs: ['modules', 'redis'], node: ['scripts/check.mjs'] },
};
