/** BullMQ alone: one job an update in one queue, a processor that does nothing. */
import { Queue, Worker } from 'bullmq';
import { connectRedis } from '../../../src/shared/redis/connect.ts';
import { servePeer } from '../peer.ts';

export interface EmptyQueueOrders {
  readonly redisUrl: string;
  readonly concurrency: number;
}

type Question = { readonly enqueue: number } | { readonly drain: number };

const NAME = 'nothing';
const JOBS_A_CALL = 1000;

await servePeer(async ({ redisUrl, concurrency }: EmptyQueueOrders) => {
  const connection = connectRedis(redisUrl);
  const queue = new Queue(NAME, { connection });
  const worker = new Worker(NAME, async () => undefined, {
    connection,
    concurrency,
    autorun: false,
    removeOnComplete: { count: 500 },
  });
  await worker.pause(true);
  worker.run().catch((error: unknown) => {
    process.stderr.write(`${String(error)}\n`);
    process.exit(1);
  });
  return async (question: Question) => {
    if ('enqueue' in question) {
      for (let at = 0; at < question.enqueue; at += JOBS_A_CALL) {
        const count = Math.min(JOBS_A_CALL, question.enqueue - at);
        await queue.addBulk(
          Array.from({ length: count }, (_, n) => ({
            name: 'update',
            data: { thing: `device_n_${at + n}`, desired: { power: 'OFF', n: at + n } },
          })),
        );
      }
      return {};
    }
    let left = question.drain;
    const drained = new Promise<void>((resolve) => {
      const count = () => {
        left -= 1;
        if (left > 0) return;
        worker.off('completed', count);
        resolve();
      };
      worker.on('completed', count);
    });
    const began = performance.now();
    await worker.resume();
    await drained;
    const seconds = (performance.now() - began) / 1000;
    await worker.pause();
    return { updates: question.drain, seconds };
  };
});
