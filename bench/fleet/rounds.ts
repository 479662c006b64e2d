import { type CpuTimes, cpuTimes, perUpdate } from './cpu.ts';
import type { CpuComparison } from './row.ts';

/** One side's part of a round. */
export interface Round {
  readonly perSecond: number;
  /** CPU microseconds an update of each process, by its name. */
  readonly cpu: CpuTimes;
}

type Side = () => Promise<Round>;

/** The sides take turns, so that what else the machine does meets them alike. */
export async function alternate<Name extends string>(
  rounds: number,
  sides: Readonly<Record<Name, Side>>,
  tell: (message: string) => void,
): Promise<Readonly<Record<Name, readonly Round[]>>> {
  const names = Object.keys(sides) as Name[];
  const results = Object.fromEntries(names.map((name) => [name, [] as Round[]])) as Record<
    Name,
    Round[]
  >;
  for (let round = 1; round <= rounds; round += 1) {
    for (const name of names) results[name].push(await sides[name]());
    tell(`round ${round} of ${rounds}`);
  }
  return results;
}

/** Measures CPU around work that says how many updates it did in how many seconds. */
export async function measured(
  pids: Readonly<Record<string, number>>,
  work: () => Promise<{ readonly updates: number; readonly seconds: number }>,
): Promise<Round> {
  const before = cpuTimes(pids);
  const { updates, seconds } = await work();
  return { perSecond: updates / seconds, cpu: perUpdate(before, cpuTimes(pids), updates) };
}

export function median(numbers: readonly number[]): number {
  return quantile(numbers, 0.5);
}

export function quantile(numbers: readonly number[], q: number): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0;
}

export function medianRate(rounds: readonly Round[]): number {
  return median(rounds.map(({ perSecond }) => perSecond));
}

export function compareCpu(ours: readonly Round[], theirs: readonly Round[]): CpuComparison {
  const spent = (rounds: readonly Round[]) =>
    median(rounds.map(({ cpu }) => Object.values(cpu).reduce((sum, us) => sum + us, 0)));
  const parts = Object.keys(ours[0]?.cpu ?? {}).map(
    (part) => `${part} ${median(ours.map(({ cpu }) => cpu[part] ?? 0)).toFixed(0)}`,
  );
  return { ours: spent(ours), theirs: spent(theirs), parts: parts.join(', ') };
}

export function perSecond(rounds: readonly Round[]): string {
  const rate = medianRate(rounds);
  return `${rate.toFixed(rate >= 100 ? 0 : 1)}/s`;
}
