/**
 * Publishes update after update to each thing, awaiting `accepted` before the next. No queue, no
 * record, no order across crashes: what the connection and the broker can do at best.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mqtt5 } from 'aws-iot-device-sdk-v2';
import { clientFactory, connectAll } from '../emulator/connections.ts';
import type { BareOrders } from './bareLoop.ts';

interface Connection {
  readonly client: mqtt5.Mqtt5Client;
  readonly topics: readonly string[];
  readonly waiting: Map<string, () => void>;
}

let token = 0;

async function prepare(
  client: mqtt5.Mqtt5Client,
  index: number,
  thingsEach: number,
): Promise<Connection> {
  const waiting = new Map<string, () => void>();
  client.on('messageReceived', ({ message }) => {
    const text = Buffer.from(message.payload as ArrayBuffer).toString();
    const { clientToken } = JSON.parse(text) as { clientToken: string };
    waiting.get(clientToken)?.();
  });
  const topics = Array.from(
    { length: thingsEach },
    (_, thing) => `$aws/things/device_b_${index}_${thing}/shadow/update`,
  );
  for (const topic of topics) {
    const filters = [`${topic}/accepted`, `${topic}/rejected`];
    await client.subscribe({
      subscriptions: filters.map((topicFilter) => ({ topicFilter, qos: mqtt5.QoS.AtLeastOnce })),
    });
  }
  return { client, topics, waiting };
}

async function drive(connection: Connection, topicName: string, count: number): Promise<void> {
  for (let sent = 0; sent < count; sent += 1) {
    token += 1;
    const clientToken = `bare-${token}`;
    const answered = new Promise<void>((resolve) => connection.waiting.set(clientToken, resolve));
    const payload = `{"state":{"desired":{"power":"OFF","n":${token}}},"clientToken":"${clientToken}"}`;
    const published = connection.client.publish({
      topicName,
      qos: mqtt5.QoS.AtLeastOnce,
      payload,
    });
    await Promise.all([published, answered]);
    connection.waiting.delete(clientToken);
  }
}

const [orders] = (await once(process, 'message')) as [BareOrders];
const ca = readFileSync(orders.ready.caFile, 'utf8');
const makeClient = clientFactory({ ready: orders.ready, ca });
const clients = orders.identities.map(makeClient);
await connectAll(clients);
const connections = await Promise.all(
  clients.map((client, index) => prepare(client, index, orders.thingsEach)),
);
process.on('message', ({ updates }: { updates: number }) => {
  const lanes = connections.length * orders.thingsEach;
  const each = Math.ceil(updates / lanes);
  const began = performance.now();
  const driving = connections.flatMap((connection) =>
    connection.topics.map((topic) => drive(connection, topic, each)),
  );
  void Promise.all(driving).then(() => {
    process.send?.({ updates: each * lanes, seconds: (performance.now() - began) / 1000 });
  });
});
process.send?.({ connected: connections.length });
