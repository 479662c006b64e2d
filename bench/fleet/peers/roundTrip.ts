/**
 * The two parts of an idle hop that nobody can do without: BullMQ handing a job to a processor
 * that does nothing, and a bare publish answered by `accepted`.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mqtt5 } from 'aws-iot-device-sdk-v2';
import { Worker } from 'bullmq';
import type { ReadyLine } from '../../../src/emulator/emulator.ts';
import { connectRedis } from '../../../src/shared/redis/connect.ts';
import type { BenchIdentity } from '../../emulator/account.ts';
import { clientFactory, connectAll } from '../../emulator/connections.ts';
import { servePeer } from '../peer.ts';

export interface RoundTripOrders {
  readonly ready: ReadyLine;
  readonly redisUrl: string;
  readonly queue: string;
  readonly identity: BenchIdentity;
}

const TOPIC = '$aws/things/device_round_trip/shadow/update';

await servePeer(async ({ ready, redisUrl, queue, identity }: RoundTripOrders) => {
  const ca = readFileSync(ready.caFile, 'utf8');
  const client = clientFactory({ ready, ca })(identity);
  await connectAll([client]);
  await client.subscribe({
    subscriptions: ['accepted', 'rejected'].map((answer) => ({
      topicFilter: `${TOPIC}/${answer}`,
      qos: mqtt5.QoS.AtLeastOnce,
    })),
  });
  // The clock of hrtime is the machine's: the bench compares it with its own.
  let startedAt = 0n;
  const worker = new Worker(
    queue,
    async () => {
      startedAt = process.hrtime.bigint();
    },
    { connection: connectRedis(redisUrl) },
  );
  let token = 0;
  return async (question: { readonly ask: 'hop' | 'roundTrip' }) => {
    if (question.ask === 'hop') {
      if (startedAt === 0n) await once(worker, 'completed');
      const at = startedAt;
      startedAt = 0n;
      return { startedAt: String(at) };
    }
    token += 1;
    const began = performance.now();
    const answered = once(client, 'messageReceived');
    await client.publish({
      topicName: TOPIC,
      qos: mqtt5.QoS.AtLeastOnce,
      payload: `{"state":{"desired":{"power":"OFF","n":${token}}},"clientToken":"r-${token}"}`,
    });
    await answered;
    return { ms: performance.now() - began };
  };
});
