import { setTimeout as sleep } from 'node:timers/promises';
import { type CpuTimes, cpuTimes, perUpdate } from './cpu.ts';
import type { BareLoop } from './bareLoop.ts';
import type { BenchDeployment } from './deployment.ts';

/** How AWS's limit of 50 subscriptions a connection divides: two for each shadow. */
export const THINGS_EACH = 25;
const ROWS_A_MUTATION = 1000;
const POLL_MS = 10;

export interface Round {
  readonly perSecond: number;
  /** CPU microseconds an update of each process, by its name. */
  readonly cpu: CpuTimes;
}

/** Accepts updates in the portions of `updateShadows` and waits until the last one is settled. */
export async function courierRound(
  bench: BenchDeployment,
  identities: readonly string[],
  updates: number,
): Promise<Round> {
  const requests = Array.from({ length: updates }, (_, n) => {
    const owner = n % identities.length;
    const thing = Math.floor(n / identities.length) % THINGS_EACH;
    return {
      identityId: identities[owner] ?? '',
      thing: `device_w_${owner}_${thing}`,
      desired: { power: 'OFF', n },
      confirm: 'ACCEPTED' as const,
    };
  });
  const pids = {
    worker: bench.worker.pid,
    redis: bench.redis.pid,
    emulator: bench.account.pid,
    caller: process.pid,
  };
  const settledBefore = await settled(bench);
  const before = cpuTimes(pids);
  const began = performance.now();
  for (let at = 0; at < updates; at += ROWS_A_MUTATION) {
    await bench.intake.accept(requests.slice(at, at + ROWS_A_MUTATION), { actor: 'bench' });
  }
  while ((await settled(bench)) - settledBefore < updates) await sleep(POLL_MS);
  const seconds = (performance.now() - began) / 1000;
  return { perSecond: updates / seconds, cpu: perUpdate(before, cpuTimes(pids), updates) };
}

async function settled(bench: BenchDeployment): Promise<number> {
  const counts = await bench.counts();
  const wrong = Object.keys(counts).find((state) => state === 'FAILED' || state === 'EXPIRED');
  if (wrong !== undefined) throw new Error(`the bench has ${counts[wrong]} updates ${wrong}`);
  return counts.SUCCEEDED ?? 0;
}

export async function bareRound(
  bench: BenchDeployment,
  bare: BareLoop,
  updates: number,
): Promise<Round> {
  const pids = { loop: bare.pid, emulator: bench.account.pid };
  const before = cpuTimes(pids);
  const done = await bare.run(updates);
  return {
    perSecond: done.updates / done.seconds,
    cpu: perUpdate(before, cpuTimes(pids), done.updates),
  };
}
