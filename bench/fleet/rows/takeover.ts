import { setTimeout as sleep } from 'node:timers/promises';
import { shardOf } from '../../../src/shared/domain/ids.ts';
import type { RunningProcess } from '../../../test/support/processes.ts';
import { courierRound, requestsFor } from '../courierRound.ts';
import { BenchDeployment } from '../deployment.ts';
import { median, quantile } from '../rounds.ts';
import type { Finding, Row, RowOptions } from '../row.ts';
import { until } from '../until.ts';

const SIZES = {
  tiny: { identities: 4, rounds: 1, leaseMs: 1000, spacingMs: 1000 },
  quick: { identities: 50, rounds: 2, leaseMs: 10_000, spacingMs: 11_000 },
  full: { identities: 50, rounds: 5, leaseMs: 10_000, spacingMs: 11_000 },
} as const;

/** How long the identities of a worker stand still after its SIGKILL; leases are as by default. */
export const takeover: Row = {
  name: 'takeover',
  table: 'aims',
  async run(options) {
    const { leaseMs, spacingMs } = SIZES[options.size];
    const findings: Finding[] = [];
    for (const fresh of [false, true]) {
      const waits = await standstills(options, fresh);
      const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
      findings.push({
        what: `after SIGKILL, until an identity's updates move again${fresh ? '; connected right before it' : ''}: the longest of ${waits.length}`,
        against: `a lease of ${seconds(leaseMs)}${fresh ? `, CONNECTs ${seconds(spacingMs)} apart` : ''}`,
        ours: `${seconds(Math.max(...waits))} (median ${seconds(median(waits))}, p99 ${seconds(quantile(waits, 0.99))})`,
        theirs: '',
        figure: Math.max(...waits) / 1000,
        unit: ' s',
        aim: { most: (leaseMs + (fresh ? spacingMs : 0)) / 1000 + 3 },
      });
    }
    return findings;
  },
};

async function standstills(options: RowOptions, fresh: boolean): Promise<number[]> {
  const size = SIZES[options.size];
  const { identities = size.identities, rounds = size.rounds } = options;
  const bench = await BenchDeployment.start({
    users: identities,
    settings: {
      LEASE_MS: String(size.leaseMs),
      HEARTBEAT_MS: String(size.leaseMs / 10),
      CONNECT_SPACING_MS: String(size.spacingMs),
      // So that the next round need not wait for the shares to be even.
      SHARD_MIN_HOLD_MS: '0',
    },
  });
  let survivor = await bench.startWorker('worker-0');
  const ids = await bench.register(0, identities);
  await courierRound(bench, survivor, ids, identities);
  const waits: number[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    const victim = survivor;
    const name = `worker-${round}`;
    survivor = await bench.startWorker(name);
    const owners = await untilShared(bench, name);
    const concerned = ids.filter((id) => owners[shardOf(id, owners.length)] !== name);
    // Everyone is connected, and has been for longer than a client id must wait between CONNECTs.
    await courierRound(bench, survivor, ids, identities);
    await sleep(size.spacingMs);
    if (fresh) await reconnected(bench, concerned);
    waits.push(...(await standstillsOf(bench, victim, concerned)));
    options.tell(`${fresh ? 'connected right before' : 'connected'}, round ${round} of ${rounds}`);
  }
  await bench.stop();
  return waits;
}

/** Kills the victim with an update of each identity waiting. @returns milliseconds until it ended. */
async function standstillsOf(
  bench: BenchDeployment,
  victim: RunningProcess,
  concerned: readonly string[],
): Promise<readonly number[]> {
  const killedAt = Date.now();
  await victim.kill();
  const before = await bench.settled();
  const rows = await bench.intake.accept(requestsFor(concerned, concerned.length), {
    actor: 'bench',
  });
  await bench.untilSettled(before + rows.length);
  return Promise.all(
    rows.map(async (row) => {
      if (!row.taken) throw row.error;
      const finishedAt = await bench.finishedAt(row.updateId);
      return finishedAt - killedAt;
    }),
  );
}

/** Resolves to the owners once the newcomer holds its share and no shard is without one. */
async function untilShared(bench: BenchDeployment, newcomer: string) {
  let owners = await bench.owners();
  await until(`${newcomer} has its share`, async () => {
    owners = await bench.owners();
    const share = owners.filter((owner) => owner === newcomer).length;
    return share >= Math.floor(owners.length / 2) && !owners.includes(null);
  });
  return owners;
}

async function reconnected(bench: BenchDeployment, ids: readonly string[]): Promise<void> {
  const askedAt = Date.now();
  await bench.control.connections('reconnect', ids);
  for (const id of ids) {
    await until(`${id} connected anew`, async () => (await bench.connectedAt(id)) >= askedAt);
  }
}
