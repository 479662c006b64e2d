import { setTimeout as sleep } from 'node:timers/promises';
import { Queue } from 'bullmq';
import { connectRedis } from '../../../src/shared/redis/connect.ts';
import { signIn } from '../../emulator/account.ts';
import { requestsFor } from '../courierRound.ts';
import { BenchDeployment } from '../deployment.ts';
import { startPeer } from '../peer.ts';
import type { RoundTripOrders } from '../peers/roundTrip.ts';
import { quantile } from '../rounds.ts';
import type { Row } from '../row.ts';
import { SettleWatch } from '../settleWatch.ts';

const SAMPLES = { tiny: 5, quick: 1000, full: 5000 } as const;
const WARM_UP = { tiny: 5, quick: 200, full: 500 } as const;
const IDLE_MS = 15;
const QUEUE = 'hop';

/** One update at a time on an idle system, against the hops that it cannot do without. */
export const latency: Row = {
  name: 'latency',
  table: 'aims',
  async run(options) {
    const bench = await BenchDeployment.start({ users: 2 });
    await bench.startWorker('bench');
    const ids = await bench.register(0, 1);
    const [, identity] = await signIn(bench.account.ready, 2);
    if (identity === undefined) throw new Error('the account has too few users');
    const peer = await startPeer(new URL('../peers/roundTrip.ts', import.meta.url), {
      ready: bench.account.ready,
      redisUrl: bench.redis.url,
      queue: QUEUE,
      identity,
    } satisfies RoundTripOrders);
    const queueClient = connectRedis(bench.redis.url);
    const queue = new Queue(QUEUE, { connection: queueClient });
    const watch = await SettleWatch.start(bench);

    const ours = async (n: number): Promise<number> => {
      const began = process.hrtime.bigint();
      const [row] = await bench.intake.accept(requestsFor(ids, 1, n), { actor: 'bench' });
      if (row?.taken !== true) throw new Error('an update was not taken');
      return millisecondsFrom(began, await watch.settled(row.updateId));
    };
    const hop = async (): Promise<number> => {
      const began = process.hrtime.bigint();
      await queue.add('nothing', { power: 'OFF' }, { removeOnComplete: true });
      const { startedAt } = await peer.ask<{ startedAt: string }>({ ask: 'hop' });
      return millisecondsFrom(began, BigInt(startedAt));
    };
    const roundTrip = async () => (await peer.ask<{ ms: number }>({ ask: 'roundTrip' })).ms;

    const samples: { ours: number; theirs: number }[] = [];
    const warmUp = WARM_UP[options.size];
    const wanted = SAMPLES[options.size];
    for (let n = 0; n < warmUp + wanted; n += 1) {
      const one = await ours(n);
      await sleep(IDLE_MS);
      const ofHop = await hop();
      await sleep(IDLE_MS);
      const sample = { ours: one, theirs: ofHop + (await roundTrip()) };
      await sleep(IDLE_MS);
      if (n >= warmUp) samples.push(sample);
    }
    await bench.counts();
    await watch.stop();
    await queue.close();
    queueClient.disconnect();
    await peer.stop();
    await bench.stop();
    return [0.5, 0.99].map((q) => {
      const own = quantile(
        samples.map((sample) => sample.ours),
        q,
      );
      const other = quantile(
        samples.map((sample) => sample.theirs),
        q,
      );
      return {
        what: `submit to settled, idle, ${q === 0.5 ? 'median' : 'p99'} of ${wanted}`,
        against: 'one empty BullMQ hop and one raw publish answered by accepted',
        ours: `${own.toFixed(2)} ms`,
        theirs: `${other.toFixed(2)} ms`,
        figure: own / other,
        aim: { most: 2 },
      };
    });
  },
};

function millisecondsFrom(began: bigint, ended: bigint): number {
  return Number(ended - began) / 1e6;
}
