import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { connectRedis } from '../../../src/shared/redis/connect.ts';
import { acceptAll, courierRound, requestsFor } from '../courierRound.ts';
import { BenchDeployment } from '../deployment.ts';
import type { Finding, Row } from '../row.ts';

const SIZES = {
  tiny: { identities: 2, updates: 100 },
  quick: { identities: 100, updates: 20_000 },
  full: { identities: 100, updates: 100_000 },
} as const;
const JOBS_A_CALL = 1000;

/** What updates take of Redis's memory while they wait, and once they are settled. */
export const memory: Row = {
  name: 'memory',
  table: 'aims',
  async run(options) {
    const size = SIZES[options.size];
    const { identities = size.identities, updates = size.updates } = options;
    const bench = await BenchDeployment.start({ users: identities });
    const server = bench.redis.connect();
    // Connected, and everything of a fixed size is there, before anything is measured.
    const worker = await bench.startWorker('first');
    const ids = await bench.register(0, identities);
    await courierRound(bench, worker, ids, identities * 25);
    await worker.stop();
    await dropFinishedJobs(bench);

    const empty = await usedMemory(server);
    await acceptAll(bench, requestsFor(ids, updates));
    const queued = (await usedMemory(server)) - empty;
    await bench.startWorker('second');
    await bench.untilSettled(updates + identities * 25);
    await dropFinishedJobs(bench);
    const settled = (await usedMemory(server)) - empty;

    await Promise.all([...bench.workers].map((one) => one.stop()));
    const beforeSingle = await usedMemory(server);
    for (const request of requestsFor(ids, updates)) {
      await bench.intake.accept([request], { actor: 'bench' });
    }
    const single = (await usedMemory(server)) - beforeSingle;
    const job = await waitingJob(bench, server, requestsFor(ids, updates));
    await bench.stop();

    const each = (bytes: number) => bytes / updates;
    const waiting = (how: string, bytes: number): Finding => ({
      what: `Redis memory of a queued update, ${how}`,
      against: 'a waiting BullMQ job with the same update',
      ours: `${bytes.toFixed(0)} B`,
      theirs: `${job.toFixed(0)} B`,
      figure: bytes / job,
      aim: { most: 1.5 },
    });
    return [
      waiting(`of a batch of ${updates}`, each(queued)),
      waiting('sent alone', each(single)),
      {
        what: 'Redis memory of a settled and indexed update',
        against: 'the jobs that BullMQ keeps of it (500 a shard at most) not counted',
        ours: `${each(settled).toFixed(0)} B`,
        theirs: '',
        figure: each(settled),
        unit: ' B',
        aim: { most: 1200 },
      },
      {
        what: 'Redis memory of a batch target not yet dispatched',
        against: 'a waiting BullMQ job with the same update',
        ours: 'not built yet',
        theirs: `${job.toFixed(0)} B`,
        figure: undefined,
        aim: { most: 0.2 },
      },
    ];
  },
};

/** Bytes of a job in the state waiting, added as BullMQ's documentation has it. */
async function waitingJob(
  bench: BenchDeployment,
  server: Redis,
  updates: readonly object[],
): Promise<number> {
  const connection = connectRedis(bench.redis.url);
  // Its stream of events, 10,000 entries by default, would be counted to these few jobs.
  const queue = new Queue('jobs', { connection, streams: { events: { maxLen: 100 } } });
  const before = await usedMemory(server);
  for (let at = 0; at < updates.length; at += JOBS_A_CALL) {
    const rows = updates.slice(at, at + JOBS_A_CALL);
    await queue.addBulk(rows.map((data) => ({ name: 'update', data })));
  }
  const used = (await usedMemory(server)) - before;
  await queue.close();
  connection.disconnect();
  return used / updates.length;
}

async function dropFinishedJobs(bench: BenchDeployment): Promise<void> {
  await Promise.all(
    bench.shards.map((shard) => bench.queues.queue(shard).clean(0, 0, 'completed')),
  );
}

async function usedMemory(server: Redis): Promise<number> {
  return Number(/^used_memory:(\d+)/m.exec(await server.info('memory'))?.[1]);
}
