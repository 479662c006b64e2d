/**
 * The figures of docs/performance.md: ours against what one could do instead, the sides taking
 * turns in one run on one machine. Signatures and policies are on, on all sides; quotas are off
 * except in the second table.
 *   npm run bench -- [--quick | --tiny] [--only batch,latency] [--rounds 3]
 *                    [--identities 100] [--updates 20000]
 */
import { parseArgs } from 'node:util';
import { machineLine } from './machine.ts';
import type { Finding, RowOptions } from './row.ts';
import { ROWS } from './rows.ts';
import { markdownTable } from './table.ts';

const text = { type: 'string' } as const;
const flag = { type: 'boolean', default: false } as const;
const { values } = parseArgs({
  options: { quick: flag, tiny: flag, only: text, rounds: text, identities: text, updates: text },
});
const only = values.only?.split(',');
const unknown = only?.filter((name) => !ROWS.some((row) => row.name === name)) ?? [];
if (unknown.length > 0) {
  console.error(
    `no row ${unknown.join(', ')}; there are ${ROWS.map(({ name }) => name).join(', ')}`,
  );
  process.exit(2);
}
const number = (given: string | undefined) => (given === undefined ? undefined : Number(given));
const options: Omit<RowOptions, 'tell'> = {
  size: values.tiny ? 'tiny' : values.quick ? 'quick' : 'full',
  identities: number(values.identities),
  updates: number(values.updates),
  rounds: number(values.rounds),
};

const machine = machineLine();
const tables: Record<'aims' | 'quotas', Finding[]> = { aims: [], quotas: [] };
const began = performance.now();
for (const row of ROWS) {
  if (only !== undefined && !only.includes(row.name)) continue;
  const since = () => `${Math.round((performance.now() - began) / 1000)} s`;
  const tell = (message: string) => console.error(`[${since()}] ${row.name}: ${message}`);
  tables[row.table].push(...(await row.run({ ...options, tell })));
}
console.log(machine);
for (const [name, heading] of [
  ['aims', 'Quotas off on all sides, signatures and policies on:'],
  ['quotas', "At AWS's default quotas:"],
] as const) {
  if (tables[name].length > 0) console.log(`\n${heading}\n\n${markdownTable(tables[name])}`);
}
// aws-crt keeps native handles open.
process.exit(0);
