import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { COMMANDS } from '../../scripts/bootstrap/commands.mjs';
import { parseCheckArguments } from '../../scripts/check/arguments.mjs';
import { STEPS } from '../../scripts/check/steps.mjs';

const { scripts } = z
  .object({ scripts: z.record(z.string(), z.string()) })
  .parse(JSON.parse(readFileSync('package.json', 'utf8')));

const names = (argv: string[]) => parseCheckArguments(argv).steps.map(({ name }) => name);

test('without arguments every step runs', () => {
  expect(names([])).toEqual(STEPS.map(({ name }) => name));
});

test('steps are chosen or left out by name, in their own order', () => {
  expect(names(['--only', 'types,format'])).toEqual(['format', 'types']);
  expect(names(['--except', 'tests,unused'])).toEqual([
    'format',
    'lint',
    'types',
    'schema',
    'grafana',
  ]);
});

test('a step that there is not is refused with the names there are', () => {
  expect(() => names(['--only', 'tpyes'])).toThrow(
    'there is no step "tpyes": the steps are format, lint, types, schema, grafana, unused, tests.',
  );
});

test('every step names a repair that package.json knows', () => {
  for (const { fix } of STEPS) {
    const script = /^npm (?:run )?(\w+)/.exec(fix)?.[1];
    expect(scripts, fix).toHaveProperty(script ?? fix);
  }
});

test('every command of the bootstrap is an npm script and the other way round', () => {
  // `exec`: npm signals its shell, and a shell in between would die without passing that on.
  const bootstrapped = Object.entries(scripts).flatMap(([name, script]) => {
    const command = /^exec node scripts\/bootstrap\.mjs ([\w:]+)$/.exec(script)?.[1];
    return command === undefined ? [] : [[name, command]];
  });
  expect(Object.fromEntries(bootstrapped)).toEqual(
    Object.fromEntries(Object.keys(COMMANDS).map((name) => [name, name])),
  );
});
