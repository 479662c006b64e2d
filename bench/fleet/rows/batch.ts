import { signIn } from '../../emulator/account.ts';
import { courierRound, THINGS_EACH } from '../courierRound.ts';
import { BenchDeployment } from '../deployment.ts';
import { startPeer } from '../peer.ts';
import type { BareOrders } from '../peers/bareLoop.ts';
import type { EmptyQueueOrders } from '../peers/emptyQueue.ts';
import { alternate, compareCpu, measured, medianRate, perSecond } from '../rounds.ts';
import type { Finding, Row, RowOptions } from '../row.ts';

const SIZES = {
  tiny: { identities: [2], updates: 100, rounds: 1 },
  quick: { identities: [100, 1000], updates: 20_000, rounds: 3 },
  full: { identities: [100, 1000], updates: 100_000, rounds: 5 },
} as const;
/** What a worker runs at once in each shard by default. */
const CONCURRENCY = 100;

/** Bulk updates against what the connection and the broker, and what BullMQ alone can do. */
export const batch: Row = {
  name: 'batch',
  table: 'aims',
  async run(options) {
    const sizes = options.identities ? [options.identities] : SIZES[options.size].identities;
    const findings: Finding[] = [];
    for (const identities of sizes) findings.push(...(await withIdentities(identities, options)));
    return findings;
  },
};

async function withIdentities(identities: number, options: RowOptions): Promise<Finding[]> {
  const { updates = SIZES[options.size].updates, rounds = SIZES[options.size].rounds } = options;
  const bench = await BenchDeployment.start({ users: identities * 2 });
  const worker = await bench.startWorker('bench');
  const ids = await bench.register(0, identities);
  const everyone = await signIn(bench.account.ready, identities * 2);
  const bare = await startPeer(new URL('../peers/bareLoop.ts', import.meta.url), {
    ready: bench.account.ready,
    identities: everyone.slice(identities),
    thingsEach: THINGS_EACH,
  } satisfies BareOrders);
  const nothing = await startPeer(new URL('../peers/emptyQueue.ts', import.meta.url), {
    redisUrl: bench.redis.url,
    concurrency: CONCURRENCY,
  } satisfies EmptyQueueOrders);
  // One update to every thing: connections and subscriptions are there before the clock runs.
  await courierRound(bench, worker, ids, identities * THINGS_EACH);

  const { account, redis } = bench;
  const sides = {
    ours: () => courierRound(bench, worker, ids, updates),
    bare: () => measured({ loop: bare.pid, emulator: account.pid }, () => bare.ask({ updates })),
    nothing: async () => {
      await nothing.ask({ enqueue: updates });
      return measured({ worker: nothing.pid, redis: redis.pid }, () =>
        nothing.ask({ drain: updates }),
      );
    },
  };
  const tell = (message: string) => options.tell(`${identities} identities, ${message}`);
  const results = await alternate(rounds, sides, tell);
  await bare.stop();
  await nothing.stop();
  await bench.stop();

  const { ours } = results;
  const what = `batch of ${updates}, ${identities} identities, ${THINGS_EACH} things each`;
  const against = (peer: 'bare' | 'nothing', name: string, least: number): Finding => ({
    what,
    against: name,
    ours: perSecond(ours),
    theirs: perSecond(results[peer]),
    figure: medianRate(ours) / medianRate(results[peer]),
    aim: { least },
    cpu: compareCpu(ours, results[peer]),
  });
  return [
    against('bare', 'a bare aws-crt loop', 0.8),
    against('nothing', 'BullMQ doing nothing, enqueued beforehand', 0.9),
  ];
}
