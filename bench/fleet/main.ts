/**
 * How fast a batch goes, against a bare aws-crt loop on the same broker in the same run; quotas
 * off, signatures and policies on, on both sides:
 *   npm run bench -- [--quick] [--identities 100] [--updates 20000] [--rounds 5]
 * The sides alternate; the table holds medians, and CPU time, which a busy machine distorts less.
 */
import { cpus, release } from 'node:os';
import { parseArgs } from 'node:util';
import { signIn } from '../emulator/account.ts';
import { bareRound, courierRound, type Round, THINGS_EACH } from './batch.ts';
import { startBareLoop } from './bareLoop.ts';
import { startBenchDeployment } from './deployment.ts';

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    identities: { type: 'string', default: '100' },
    updates: { type: 'string' },
    rounds: { type: 'string' },
  },
});
const identityCount = Number(values.identities);
const updates = Number(values.updates ?? (values.quick ? 20_000 : 100_000));
const rounds = Number(values.rounds ?? (values.quick ? 3 : 5));

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
}

function row(name: string, side: readonly Round[], base: readonly Round[]): string {
  const speed = median(side.map(({ perSecond }) => perSecond));
  const spent = (round: Round) => Object.values(round.cpu).reduce((sum, us) => sum + us, 0);
  const cpu = median(side.map(spent));
  const parts = Object.keys(side[0]?.cpu ?? {}).map(
    (part) => `${part} ${median(side.map((round) => round.cpu[part] ?? 0)).toFixed(0)}`,
  );
  const ratio = speed / median(base.map(({ perSecond }) => perSecond));
  const cpuRatio = median(base.map(spent)) / cpu;
  return `| ${name} | ${speed.toFixed(0)} | ${ratio.toFixed(2)} | ${cpu.toFixed(0)} (${parts.join(', ')}) | ${cpuRatio.toFixed(2)} |`;
}

const bench = await startBenchDeployment(identityCount * 2);
const registered = await bench.register(identityCount);
const everyone = await signIn(bench.account.ready, identityCount * 2);
const bare = await startBareLoop({
  ready: bench.account.ready,
  identities: everyone.slice(identityCount),
  thingsEach: THINGS_EACH,
});
// One update to every thing: connections and subscriptions are there before the clock runs.
await courierRound(bench, registered, identityCount * THINGS_EACH);

const ours: Round[] = [];
const theirs: Round[] = [];
for (let round = 1; round <= rounds; round += 1) {
  ours.push(await courierRound(bench, registered, updates));
  theirs.push(await bareRound(bench, bare, updates));
  console.error(`round ${round} of ${rounds}`);
}
console.log(
  [
    `${updates} updates over ${identityCount} identities, ${THINGS_EACH} things each; medians of ${rounds} rounds. Node ${process.versions.node}, Linux ${release()}, ${cpus().length} x ${cpus()[0]?.model ?? 'CPU'}.`,
    '',
    '| side | accepted updates/s | ratio | CPU µs an update | ratio of CPU |',
    '| --- | --- | --- | --- | --- |',
    row('bare aws-crt loop', theirs, theirs),
    row('Shadow Courier, batch', ours, theirs),
  ].join('\n'),
);
bare.stop();
await bench.stop();
// aws-crt keeps native handles open.
process.exit(0);
