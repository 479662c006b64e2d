import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startProgram } from '../support/processes.ts';

test('whatever is named like a secret is cut out of log lines, and the rest stays', async () => {
  const child = await startProgram(join(import.meta.dirname, 'fixtures/logSecrets.ts'));
  expect(await child.exited).toEqual({ code: 0, signal: null });
  const leaks = child.stdout.split('\n').filter((line) => line.includes('hunter2'));
  expect(leaks).toEqual([]);
  const last = JSON.parse(child.stdout.trim().split('\n').at(-1) ?? '') as Record<string, unknown>;
  expect(last).toMatchObject({ program: 'fixture', thing: 'device_1', msg: 'the end' });
  expect(last.time).toMatch(/^\d{4}-\d\d-\d\dT/);
});
