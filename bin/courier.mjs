#!/usr/bin/env node
// What `npx courier` runs. A clone runs from its source, set up first like every npm command; a
// package or an image, which has no source, runs what was built.
import { existsSync } from 'node:fs';

const source = new URL('../src/cli/main.ts', import.meta.url);
/** These have needs of their own (a Redis), which their npm command sees to. */
const OF_NPM = new Set(['demo', 'dev', 'emulator']);
if (existsSync(source)) {
  if (!OF_NPM.has(process.argv[2] ?? '')) process.argv.splice(2, 0, 'courier');
  await import('../scripts/bootstrap.mjs');
} else {
  await import('../dist/cli/main.js');
}
