/**
 * Publishes update after update to each thing, awaiting `accepted` before the next. No queue, no
 * record, no order across crashes: what the connection and the broker can do at best.
 */
import { readFileSync } from 'node:fs';
import { mqtt5 } from 'aws-iot-device-sdk-v2';
import type { ReadyLine } from '../../../src/emulator/emulator.ts';
import type { BenchIdentity } from '../../emulator/account.ts';
import { clientFactory, connectAll } from '../../emulator/connections.ts';
import { servePeer } from '../peer.ts';

export interface BareOrders {
  readonly ready: ReadyLine;
  readonly identities: readonly BenchIdentity[];
  readonly thingsEach: number;
}

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

await servePeer(async (orders: BareOrders) => {
  const ca = readFileSync(orders.ready.caFile, 'utf8');
  const makeClient = clientFactory({ ready: orders.ready, ca });
  const clients = orders.identities.map(makeClient);
  await connectAll(clients);
  const connections = await Promise.all(
    clients.map((client, index) => prepare(client, index, orders.thingsEach)),
  );
  const lanes = connections.flatMap((connection) =>
    connection.topics.map((topic) => ({ connection, topic })),
  );
  return async ({ updates }: { readonly updates: number }) => {
    // Fewer than there are things: a few of them, one each.
    const used = lanes.slice(0, updates);
    const each = Math.ceil(updates / used.length);
    const began = performance.now();
    await Promise.all(used.map(({ connection, topic }) => drive(connection, topic, each)));
    return { updates: each * used.length, seconds: (performance.now() - began) / 1000 };
  };
});
