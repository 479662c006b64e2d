const bin = (/** @type {string} */ file) => `node_modules/${file}`;

/**
 * @typedef {{ name: string, fix: string, commands: readonly (readonly string[])[] }} Step
 */

/**
 * What `npm run check` runs, quick ones first. Each command is what Node gets; `fix` is what
 * the user types to repair it or to see it alone.
 * @type {readonly Step[]}
 */
export const STEPS = [
  {
    name: 'format',
    fix: 'npm run format',
    commands: [[bin('@biomejs/biome/bin/biome'), 'format', '.']],
  },
  {
    name: 'lint',
    fix: 'npm run lint (with -- --fix for what it can repair itself)',
    commands: [[bin('oxlint/bin/oxlint'), '--type-aware', '--max-warnings=0']],
  },
  {
    name: 'types',
    fix: 'npm run types',
    commands: [
      [bin('typescript/bin/tsc'), '-p', 'tsconfig.json'],
      [bin('typescript/bin/tsc'), '-p', 'tsconfig.build.json', '--noEmit'],
    ],
  },
  { name: 'schema', fix: 'npm run schema', commands: [['scripts/schema.mjs', '--check']] },
  { name: 'grafana', fix: 'npm run grafana', commands: [['scripts/grafana.mjs', '--check']] },
  { name: 'unused', fix: 'npm run unused', commands: [[bin('knip/bin/knip.js')]] },
  { name: 'tests', fix: 'npm test', commands: [[bin('vitest/vitest.mjs'), 'run']] },
];
