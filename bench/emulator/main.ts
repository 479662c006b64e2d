/**
 * Speed of the emulator, quotas off, signatures and policies on:
 *   tsx bench/emulator/main.ts [connections=100] [seconds=8] [in flight a connection=8] [idle=0]
 * A bare aws-crt loop publishes shadow updates at QoS 1 and awaits each one's accepted answer. With
 * `idle`, that many further connections are opened and held, and the emulator's memory is read.
 */
import { execFileSync } from 'node:child_process';
import { mqtt5 } from 'aws-iot-device-sdk-v2';
import { startAccount, signIn } from './account.ts';
import { clientFactory, connectAll } from './connections.ts';

const [connections = 100, seconds = 8, inFlight = 8, idle = 0] = process.argv.slice(2).map(Number);

/** Resident megabytes and CPU seconds of a process, from `ps`. */
function usage(pid: number): { rssMb: number; cpuS: number } {
  const text = execFileSync('ps', ['-o', 'rss=,cputimes=', '-p', String(pid)], {
    encoding: 'utf8',
  });
  const [rss = 0, cpu = 0] = text.trim().split(/\s+/).map(Number);
  return { rssMb: Math.round(rss / 1024), cpuS: cpu };
}

const account = await startAccount(connections + idle);
const identities = await signIn(account.ready, connections + idle);
const makeClient = clientFactory(account);
const clients = identities.map(makeClient);
const connectedFrom = performance.now();
await connectAll(clients);
const connectMs = performance.now() - connectedFrom;
console.log(
  `${clients.length} connections in ${Math.round(connectMs)} ms (${Math.round((clients.length * 1000) / connectMs)}/s), emulator ${usage(account.pid).rssMb} MB`,
);

const active = clients.slice(0, connections);
let accepted = 0;
let total = 0;
let failed = 0;
const state = { running: true };
const latencies: number[] = [];
const loops: Promise<void>[] = [];

await Promise.all(
  active.map(async (client, at) => {
    const waiting = new Map<string, (version: number) => void>();
    const topic = `$aws/things/device_${at}/shadow/update`;
    const decoder = new TextDecoder();
    client.on('messageReceived', ({ message }) => {
      const { clientToken, version } = JSON.parse(
        decoder.decode(message.payload as ArrayBuffer),
      ) as { clientToken: string; version: number };
      waiting.get(clientToken)?.(version);
    });
    await client.subscribe({
      subscriptions: ['accepted', 'rejected'].map((answer) => ({
        topicFilter: `${topic}/${answer}`,
        qos: mqtt5.QoS.AtLeastOnce,
      })),
    });
    const loop = async (lane: number): Promise<void> => {
      for (let step = 0; state.running; step += 1) {
        const clientToken = `${lane}-${step}`;
        const sentAt = performance.now();
        const answer = new Promise<number>((resolve) => waiting.set(clientToken, resolve));
        const power = step % 2 === 0 ? 'ON' : 'OFF';
        const puback = await client.publish({
          topicName: topic,
          qos: mqtt5.QoS.AtLeastOnce,
          payload: JSON.stringify({ state: { desired: { power } }, clientToken }),
        });
        const code: number = puback?.reasonCode ?? 0;
        if (code >= 128) {
          failed += 1;
          continue;
        }
        await answer;
        waiting.delete(clientToken);
        accepted += 1;
        total += 1;
        if (step % 16 === 0) latencies.push(performance.now() - sentAt);
      }
    };
    loops.push(...Array.from({ length: inFlight }, (_, lane) => loop(lane)));
  }),
);

// The first second warms both sides up.
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
await pause(1000);
const before = usage(account.pid);
const own = process.cpuUsage();
accepted = 0;
const measuredFrom = performance.now();
await pause(seconds * 1000);
const elapsedS = (performance.now() - measuredFrom) / 1000;
const confirmed = accepted;
const after = usage(account.pid);
const ownUsed = process.cpuUsage(own);
state.running = false;
await Promise.all(loops);
latencies.sort((a, b) => a - b);
const quantile = (q: number): string =>
  (latencies[Math.floor(latencies.length * q)] ?? 0).toFixed(1);
console.log(
  `${Math.round(confirmed / elapsedS)} confirmed updates/s on ${connections} connections, ${failed} refused; ` +
    `p50 ${quantile(0.5)} ms, p99 ${quantile(0.99)} ms`,
);
console.log(
  `emulator ${(((after.cpuS - before.cpuS) / elapsedS) * 100).toFixed(0)} % CPU, ${after.rssMb} MB; ` +
    `clients ${((ownUsed.user + ownUsed.system) / 1e4 / elapsedS).toFixed(0)} % CPU`,
);
// The emulator's own witness, read over HTTP, must have seen at least what was confirmed here.
const stats = (await (await fetch(`${account.ready.endpoints.iot}/_emulator/stats`)).json()) as {
  shadowUpdates: number;
};
console.log(`${stats.shadowUpdates} updates in the emulator's ledger, ${total} confirmed`);
await account.stop();
// aws-crt keeps native handles open.
process.exit(failed === 0 && stats.shadowUpdates === total ? 0 : 1);
