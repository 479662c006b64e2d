import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { TOP_LEVEL_CODES } from '../../src/api/topLevelCodes.ts';
import { FAILURE_CODES, GATES, STAGES, WAIT_REASONS } from '../../src/shared/domain/sets.ts';
import { ERROR_CATALOGUE } from '../../src/shared/errors/catalogue.ts';

const page = readFileSync('docs/errors.md', 'utf8');

/** The rows of the table below a heading, as lists of cells. */
function rows(heading: string): string[][] {
  const [, section = ''] = page.split(`\n## ${heading}\n`);
  const [body = ''] = section.split('\n## ');
  return body
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

const table: readonly [string, readonly string[]][] = [
  ['Codes', Object.keys(ERROR_CATALOGUE)],
  ['Top-level errors', TOP_LEVEL_CODES],
  ['Failures', FAILURE_CODES],
  ['Wait reasons', WAIT_REASONS],
  ['Stages', STAGES],
  ['Gates', GATES],
];

test.each(table)('docs/errors.md has a row for each of: %s, and no other', (heading, codes) => {
  expect(rows(heading).map(([code]) => code)).toEqual(codes.map((code) => `\`${code}\``));
});

test.each(table)('every row of docs/errors.md says something in every cell: %s', (heading) => {
  for (const cells of rows(heading)) for (const cell of cells) expect(cell).not.toBe('');
});

test('docs/errors.md has the exit codes that processes end with', () => {
  for (const [code, exitCode] of rows('Codes')) {
    const name = (code ?? '').replaceAll('`', '') as keyof typeof ERROR_CATALOGUE;
    expect([name, Number(exitCode)]).toEqual([name, ERROR_CATALOGUE[name].exitCode]);
  }
});
