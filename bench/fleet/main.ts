/**
 * The figures of docs/performance.md: ours against what one could do instead, the sides taking
 * turns in one run on one machine. Signatures and policies are on, on all sides; quotas are off
 * except in the second table.
 */
import { commandLine } from '../commandLine.ts';
import { machineLine } from './machine.ts';
import type { RowOptions } from './row.ts';
import { ROWS } from './rows.ts';
import { TABLE_HEAD, tableLine } from './table.ts';

const text = { type: 'string' } as const;
const flag = { type: 'boolean', default: false } as const;
const USAGE = `npm run bench -- [--quick | --tiny] [--only latency,memory] [--rounds 3]
                 [--identities 100] [--updates 20000]
Rows: ${ROWS.map(({ name }) => name).join(', ')}`;
const values = commandLine(USAGE, {
  quick: flag,
  tiny: flag,
  only: text,
  rounds: text,
  identities: text,
  updates: text,
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

console.log(machineLine());
const HEADINGS = {
  aims: 'Quotas off on all sides, signatures and policies on:',
  quotas: "At AWS's default quotas:",
} as const;
const begun = new Set<keyof typeof HEADINGS>();
const began = performance.now();
for (const row of ROWS) {
  if (only !== undefined && !only.includes(row.name)) continue;
  const since = () => `${Math.round((performance.now() - began) / 1000)} s`;
  const tell = (message: string) => console.error(`[${since()}] ${row.name}: ${message}`);
  const findings = await row.run({ ...options, tell });
  // Said as soon as it is known: what comes later may fail.
  if (!begun.has(row.table)) console.log(`\n${HEADINGS[row.table]}\n\n${TABLE_HEAD}`);
  begun.add(row.table);
  console.log(findings.map(tableLine).join('\n'));
}
// aws-crt keeps native handles open.
process.exit(0);
