/**
 * What one would write with BullMQ and MQTT.js: one queue, a map of connections, and a processor
 * that publishes and awaits `accepted`. No order, no records, no idempotency.
 */
import { readFileSync } from 'node:fs';
import { http } from 'aws-iot-device-sdk-v2';
import { Worker } from 'bullmq';
import { connectAsync, type MqttClient } from 'mqtt';
import type { ReadyLine } from '../../../src/emulator/emulator.ts';
import { connectRedis } from '../../../src/shared/redis/connect.ts';
import { signUpgrade } from '../../../src/workers/connection/handshake.ts';
import type { BenchIdentity } from '../../emulator/account.ts';
import { servePeer } from '../peer.ts';

export interface MqttJsOrders {
  readonly ready: ReadyLine;
  readonly redisUrl: string;
  readonly queue: string;
  readonly concurrency: number;
  readonly identities: readonly BenchIdentity[];
  /** Of each identity, by its place. */
  readonly things: readonly (readonly string[])[];
}

export interface MqttJsJob {
  readonly identity: number;
  readonly thing: string;
  readonly token: string;
  readonly desired: object;
}

const CONNECTS_AT_ONCE = 20;

interface Connection {
  readonly client: MqttClient;
  readonly waiting: Map<string, () => void>;
}

async function connect(ready: ReadyLine, identity: BenchIdentity): Promise<Connection> {
  const [host = 'localhost', port = '443'] = ready.endpoints.iotData.split(':');
  const headers = new http.HttpHeaders([['host', host]]);
  const request = new http.HttpRequest('GET', '/mqtt', headers);
  await signUpgrade(request, ready.region, identity);
  const client = await connectAsync(`wss://${host}:${port}${request.path}`, {
    protocolVersion: 5,
    clientId: identity.identityId,
    reconnectPeriod: 0,
    wsOptions: { ca: readFileSync(ready.caFile, 'utf8'), headers: { host } },
  });
  const waiting = new Map<string, () => void>();
  client.on('message', (_, payload) => {
    const { clientToken } = JSON.parse(payload.toString()) as { clientToken: string };
    waiting.get(clientToken)?.();
  });
  return { client, waiting };
}

async function publish({ client, waiting }: Connection, job: MqttJsJob): Promise<void> {
  const answered = new Promise<void>((resolve) => waiting.set(job.token, resolve));
  const payload = JSON.stringify({ state: { desired: job.desired }, clientToken: job.token });
  await client.publishAsync(`$aws/things/${job.thing}/shadow/update`, payload, { qos: 1 });
  await answered;
  waiting.delete(job.token);
}

await servePeer(async (orders: MqttJsOrders) => {
  const connections: Connection[] = [];
  for (let at = 0; at < orders.identities.length; at += CONNECTS_AT_ONCE) {
    const some = orders.identities.slice(at, at + CONNECTS_AT_ONCE);
    connections.push(...(await Promise.all(some.map((one) => connect(orders.ready, one)))));
  }
  await Promise.all(
    connections.map(async ({ client }, at) => {
      for (const thing of orders.things[at] ?? []) {
        const topic = `$aws/things/${thing}/shadow/update`;
        await client.subscribeAsync([`${topic}/accepted`, `${topic}/rejected`], { qos: 1 });
      }
    }),
  );
  let done = 0;
  let onDone = (): void => undefined;
  const worker = new Worker<MqttJsJob>(
    orders.queue,
    async ({ data }) => {
      const connection = connections[data.identity];
      if (connection === undefined) throw new Error(`no connection ${data.identity}`);
      await publish(connection, data);
    },
    {
      connection: connectRedis(orders.redisUrl),
      concurrency: orders.concurrency,
      removeOnComplete: { count: 500 },
    },
  );
  worker.on('completed', () => {
    done += 1;
    onDone();
  });
  return ({ total }: { readonly total: number }) =>
    new Promise<object>((resolve) => {
      onDone = () => {
        if (done >= total) resolve({});
      };
      onDone();
    });
});
