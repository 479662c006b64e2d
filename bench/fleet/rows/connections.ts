import { setTimeout as sleep } from 'node:timers/promises';
import { signIn } from '../../emulator/account.ts';
import { collectGarbage, INSPECTED } from '../collectGarbage.ts';
import { cpuTimes } from '../cpu.ts';
import { BenchDeployment } from '../deployment.ts';
import { startPeer } from '../peer.ts';
import type { BuilderOrders } from '../peers/builder.ts';
import { median } from '../rounds.ts';
import type { Row } from '../row.ts';
import { residentBytes } from '../usage.ts';

const SIZES = {
  tiny: { ours: 5, theirs: 5, rounds: 1 },
  quick: { ours: 5000, theirs: 300, rounds: 1 },
  full: { ours: 5000, theirs: 1000, rounds: 3 },
} as const;
/** For what was begun to end: garbage, and the views of the connections in Redis. */
const SETTLE_MS = 3000;

interface Cost {
  readonly cpuUs: number;
  /** Resident memory as it was found. */
  readonly bytes: number;
  /** The same after garbage collections before and after, where the process can be told to. */
  readonly heldBytes: number;
}

/** What a connection costs in CPU and memory: a worker's that warms up, and the SDK's builder's. */
export const connections: Row = {
  name: 'connections',
  table: 'aims',
  async run(options) {
    const size = SIZES[options.size];
    const { identities = size.ours } = options;
    const bench = await BenchDeployment.start({ users: identities + size.theirs });
    // Signs everyone in: from here on the credentials are in the cache, as after a handover.
    const first = await bench.startWorker('signs-in');
    const ids = await bench.register(0, identities);
    await bench.untilConnected(identities);
    await first.stop({ deadlineMs: 60_000 });
    await bench.untilConnected(0);
    const everyone = await signIn(bench.account.ready, identities + size.theirs);
    const theirIdentities = everyone.slice(identities);

    const ours = async (): Promise<Cost> => {
      const worker = await bench.startWorker(`warms-up-${performance.now()}`, [INSPECTED]);
      await bench.untilHeld();
      await sleep(SETTLE_MS);
      const warmUp = async () => {
        await bench.control.connections('warm', ids);
        await bench.untilConnected(ids.length);
      };
      const cost = await costOf(worker.pid, ids.length, warmUp, () => collectGarbage(worker));
      await worker.stop({ deadlineMs: 60_000 });
      await bench.untilConnected(0);
      return cost;
    };
    const theirs = async (): Promise<Cost> => {
      const peer = await startPeer(new URL('../peers/builder.ts', import.meta.url), {
        ready: bench.account.ready,
        identities: theirIdentities,
      } satisfies BuilderOrders);
      const cost = await costOf(peer.pid, theirIdentities.length, () => peer.ask({}));
      await peer.stop();
      await bench.untilConnected(0);
      return cost;
    };
    const costs: { ours: Cost; theirs: Cost }[] = [];
    const rounds = options.rounds ?? size.rounds;
    for (let round = 1; round <= rounds; round += 1) {
      costs.push({ ours: await ours(), theirs: await theirs() });
      options.tell(`round ${round} of ${rounds}`);
    }
    await bench.stop();

    const of = (side: 'ours' | 'theirs', what: keyof Cost) =>
      median(costs.map((cost) => cost[side][what]));
    const kilobytes = (bytes: number) => `${(bytes / 1024).toFixed(0)} KB`;
    const milliseconds = (us: number) => `${(us / 1000).toFixed(2)} ms`;
    const against = `the SDK's builder, ${theirIdentities.length} connections`;
    return [
      {
        what: `CPU of a connect, ${ids.length} connections of a worker`,
        against,
        ours: milliseconds(of('ours', 'cpuUs')),
        theirs: milliseconds(of('theirs', 'cpuUs')),
        figure: of('ours', 'cpuUs') / of('theirs', 'cpuUs'),
        aim: { most: 0.1 },
      },
      {
        what: `memory of a connection, ${ids.length} connections of a worker`,
        against,
        ours: `${kilobytes(of('ours', 'heldBytes'))} (${kilobytes(of('ours', 'bytes'))} with the garbage of the warm-up)`,
        theirs: kilobytes(of('theirs', 'bytes')),
        figure: of('ours', 'heldBytes') / 1024,
        unit: ' KB',
        aim: { most: 100 },
      },
    ];
  },
};

/** CPU until all are connected, and memory once that has settled, for each connection. */
async function costOf(
  pid: number,
  count: number,
  connect: () => Promise<unknown>,
  collect: () => Promise<void> = async () => undefined,
): Promise<Cost> {
  const cpu = () => cpuTimes({ pid }).pid ?? 0;
  const asFound = residentBytes(pid);
  await collect();
  const before = { cpu: cpu(), bytes: residentBytes(pid) };
  await connect();
  const spent = cpu() - before.cpu;
  await sleep(SETTLE_MS);
  const bytes = residentBytes(pid) - asFound;
  await collect();
  const heldBytes = residentBytes(pid) - before.bytes;
  return { cpuUs: spent / count, bytes: bytes / count, heldBytes: heldBytes / count };
}
