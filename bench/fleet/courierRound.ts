import type { RunningProcess } from '../../test/support/processes.ts';
import type { BenchDeployment } from './deployment.ts';
import { measured, type Round } from './rounds.ts';

/** How AWS's limit of 50 subscriptions a connection divides: two for each shadow. */
export const THINGS_EACH = 25;
const ROWS_A_MUTATION = 1000;

interface UpdateRequest {
  readonly identityId: string;
  readonly thing: string;
  readonly desired: { readonly power: string; readonly n: number };
  readonly confirm: 'ACCEPTED';
}

/** Requests that go round the identities and, for each, round its things. */
export function requestsFor(
  identities: readonly string[],
  count: number,
  from = 0,
): readonly UpdateRequest[] {
  return Array.from({ length: count }, (_, index) => {
    const n = from + index;
    const owner = n % identities.length;
    const thing = Math.floor(n / identities.length) % THINGS_EACH;
    return {
      identityId: identities[owner] ?? '',
      thing: `device_w_${owner}_${thing}`,
      desired: { power: 'OFF', n },
      confirm: 'ACCEPTED' as const,
    };
  });
}

/** Takes requests in as `updateShadows` does, a thousand at a time. */
export async function acceptAll(
  bench: BenchDeployment,
  requests: readonly UpdateRequest[],
): Promise<void> {
  for (let at = 0; at < requests.length; at += ROWS_A_MUTATION) {
    await bench.intake.accept(requests.slice(at, at + ROWS_A_MUTATION), { actor: 'bench' });
  }
}

/** Accepts updates in the portions of `updateShadows` and waits until the last one is settled. */
export async function courierRound(
  bench: BenchDeployment,
  worker: RunningProcess,
  identities: readonly string[],
  updates: number,
): Promise<Round> {
  const requests = requestsFor(identities, updates);
  const before = await bench.settled();
  return measured(processesOf(bench, worker), async () => {
    const began = performance.now();
    await acceptAll(bench, requests);
    await bench.untilSettled(before + updates);
    return { updates, seconds: (performance.now() - began) / 1000 };
  });
}

/** Whose CPU our side spends; this process stands for the API. */
export function processesOf(
  bench: BenchDeployment,
  worker: RunningProcess,
): Readonly<Record<string, number>> {
  return {
    worker: worker.pid,
    redis: bench.redis.pid,
    emulator: bench.account.pid,
    caller: process.pid,
  };
}
