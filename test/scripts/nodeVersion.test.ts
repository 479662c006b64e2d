import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { NEEDED_NODE, nodeProblem } from '../../scripts/bootstrap/nodeVersion.mjs';

test.each(['v20.19.0', 'v20.20.2', 'v22.1.0', 'v30.0.0'])('%s will do', (version) => {
  expect(nodeProblem(version)).toBeUndefined();
});

test.each(['v20.18.3', 'v18.20.0', 'v8.0.0'])('%s is refused with what to do', (version) => {
  expect(nodeProblem(version)).toBe(
    `Node 20.19 or newer is needed, and this is ${version}. ` +
      'Install Node 20 (or a newer one) and run the same command again.',
  );
});

test('the bootstrap asks for the Node that package.json asks for', () => {
  const manifest: unknown = JSON.parse(readFileSync('package.json', 'utf8'));
  expect(manifest).toMatchObject({ engines: { node: `>=${NEEDED_NODE}` } });
});
