import { Queue } from 'bullmq';
import { connectRedis } from '../../../src/shared/redis/connect.ts';
import { signIn } from '../../emulator/account.ts';
import { courierRound, processesOf, requestsFor, THINGS_EACH } from '../courierRound.ts';
import { BenchDeployment } from '../deployment.ts';
import { startPeer } from '../peer.ts';
import type { MqttJsJob, MqttJsOrders } from '../peers/mqttJs.ts';
import { alternate, compareCpu, measured, medianRate, perSecond } from '../rounds.ts';
import type { Row } from '../row.ts';

const SIZES = {
  tiny: { identities: 2, updates: 60, rounds: 1 },
  quick: { identities: 100, updates: 10_000, rounds: 3 },
  full: { identities: 100, updates: 50_000, rounds: 5 },
} as const;
const CALLERS = 50;
/** As many as the callers would be if each waited for its update. */
const CONCURRENCY = CALLERS;
const QUEUE = 'mqtt-js';

/** Calls `one` for 0 to `count`, each caller its next when the last was taken. */
async function byCallers(count: number, one: (n: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const caller = async () => {
    for (let n = next++; n < count; n = next++) await one(n);
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
}

/** One update a call, against what one would write with BullMQ and MQTT.js. */
export const single: Row = {
  name: 'single',
  table: 'aims',
  async run(options) {
    const size = SIZES[options.size];
    const { identities = size.identities, updates = size.updates } = options;
    const bench = await BenchDeployment.start({ users: identities * 2 });
    const worker = await bench.startWorker('bench');
    const ids = await bench.register(0, identities);
    const signedIn = await signIn(bench.account.ready, identities * 2);
    const things = Array.from({ length: identities }, (_, owner) =>
      Array.from({ length: THINGS_EACH }, (_, thing) => `device_m_${owner}_${thing}`),
    );
    const peer = await startPeer(new URL('../peers/mqttJs.ts', import.meta.url), {
      ready: bench.account.ready,
      redisUrl: bench.redis.url,
      queue: QUEUE,
      concurrency: CONCURRENCY,
      identities: signedIn.slice(identities),
      things,
    } satisfies MqttJsOrders);
    const queueClient = connectRedis(bench.redis.url);
    const queue = new Queue<MqttJsJob>(QUEUE, { connection: queueClient });
    await courierRound(bench, worker, ids, identities * THINGS_EACH);

    let total = 0;
    const requests = requestsFor(ids, updates);
    const sides = {
      ours: async () => {
        const before = await bench.settled();
        return measured(processesOf(bench, worker), async () => {
          const began = performance.now();
          await byCallers(updates, async (n) => {
            const request = requests[n];
            if (request !== undefined) await bench.intake.accept([request], { actor: 'bench' });
          });
          await bench.untilSettled(before + updates);
          return { updates, seconds: (performance.now() - began) / 1000 };
        });
      },
      theirs: () => {
        const before = total;
        total += updates;
        const pids = { ...processesOf(bench, worker), worker: peer.pid };
        return measured(pids, async () => {
          const began = performance.now();
          await byCallers(updates, (n) => {
            const identity = n % identities;
            const thing = things[identity]?.[Math.floor(n / identities) % THINGS_EACH] ?? '';
            const desired = { power: 'OFF', n };
            return queue.add('update', { identity, thing, token: `m-${before + n}`, desired });
          });
          await peer.ask({ total });
          return { updates, seconds: (performance.now() - began) / 1000 };
        });
      },
    };
    const results = await alternate(options.rounds ?? size.rounds, sides, options.tell);
    await queue.close();
    queueClient.disconnect();
    await peer.stop();
    await bench.stop();
    return [
      {
        what: `single updates from ${CALLERS} callers to accepted, ${identities} identities`,
        against: `BullMQ and MQTT.js, concurrency ${CONCURRENCY}`,
        ours: perSecond(results.ours),
        theirs: perSecond(results.theirs),
        figure: medianRate(results.ours) / medianRate(results.theirs),
        aim: { least: 1 },
        cpu: compareCpu(results.ours, results.theirs),
      },
    ];
  },
};
