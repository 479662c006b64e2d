import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { parseFaultFlag } from '../../../src/emulator/faults/rule.ts';
import { USAGE } from '../../../src/emulator/config.ts';
import { TestAccount } from '../identity/account.ts';
import { Control } from '../identity/control.ts';
import { DOCUMENT, UPDATE_COMMAND, withTable } from './table.ts';

if (process.env['UPDATE_DOCS'] === '1') {
  writeFileSync(DOCUMENT, withTable(readFileSync(DOCUMENT, 'utf8')));
}
const document = readFileSync(DOCUMENT, 'utf8');

it('docs/emulator.md shows what the suite checks', () => {
  expect(document, `make it anew: ${UPDATE_COMMAND}`).toBe(withTable(document));
});

it('docs/emulator.md explains every option', () => {
  const options = [...USAGE.matchAll(/^ {2}(--[a-z-]+)/gm)].map((match) => match[1] ?? '');
  expect(options.length).toBeGreaterThan(15);
  expect(options.filter((option) => !document.includes(`\`${option}`))).toEqual([]);
});

it('docs/emulator.md explains every endpoint of the emulator, and no other', async () => {
  const account = await TestAccount.start({ users: 0 });
  try {
    const answer = await new Control(account.ready.endpoints.iot).call('GET', '/nothing');
    const { endpoints } = answer.body as { endpoints: string[] };
    const explained = [...document.matchAll(/`((?:GET|PUT|POST|DELETE) \/_emulator[^`?]*)/g)];
    expect(new Set(explained.map((match) => match[1]))).toEqual(new Set(endpoints));
  } finally {
    await account.stop();
  }
});

it('the faults that docs/emulator.md shows are faults', () => {
  const examples = [...document.matchAll(/--fault '?(on=[^\s'`]+)/g)].map(
    (match) => match[1] ?? '',
  );
  expect(examples.length).toBeGreaterThan(0);
  for (const example of examples) expect(parseFaultFlag(example).on).not.toBe('');
});
