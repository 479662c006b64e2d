import type { Redis } from 'ioredis';
import type { RedisTarget } from '../../src/shared/redis/target.ts';
import { eventually } from './eventually.ts';
import { freePort } from './freePort.ts';
import { type RedisServer, type RedisServerOptions, startRedis } from './redisServer.ts';

const SLOTS = 16_384;
const MASTERS = 3;
const KEYS_A_MOVE = 20;
const MOVE_TIMEOUT_MS = 5000;
/** A cluster waits two seconds after its start before it takes writes. */
const FORMED_MS = 30_000;

interface Node {
  readonly server: RedisServer;
  readonly busPort: number;
  /** For the cluster's own commands, which ask exactly this node. */
  readonly client: Redis;
  readonly id: string;
}

/** Three masters without replicas, as processes of this test alone. */
export class RedisCluster {
  readonly #nodes: readonly Node[];

  private constructor(nodes: readonly Node[]) {
    this.#nodes = nodes;
  }

  static async start(options: RedisServerOptions = {}): Promise<RedisCluster> {
    const launched = await Promise.allSettled(
      Array.from({ length: MASTERS }, () => launch(options)),
    );
    const nodes = launched.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    const cluster = new RedisCluster(nodes);
    try {
      for (const one of launched) if (one.status === 'rejected') throw one.reason;
      await cluster.#form();
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  /** The first node only: a client finds the others by itself. */
  get target(): RedisTarget {
    return { REDIS_URL: this.#node(0).server.url, REDIS_CLUSTER: 'on' };
  }

  get servers(): readonly RedisServer[] {
    return this.#nodes.map(({ server }) => server);
  }

  slotOf(key: string): Promise<number> {
    return this.#node(0).client.cluster('KEYSLOT', key);
  }

  /** Which of the servers has a slot, as an index. */
  async ownerOf(slot: number): Promise<number> {
    const ranges = await this.#node(0).client.cluster('SLOTS');
    const range = ranges.find(([first, last]) => first <= slot && slot <= last);
    return this.#nodes.findIndex(({ id }) => id === range?.[2]?.[2]);
  }

  /**
   * Moves a slot to another server with all of its keys, a few at a time, as resharding does.
   * `halfway` is awaited when about half of the keys have moved.
   * @returns how many keys moved.
   */
  async moveSlot(
    slot: number,
    to: number,
    halfway: () => Promise<unknown> = () => Promise.resolve(),
  ): Promise<number> {
    const source = this.#node(await this.ownerOf(slot));
    const target = this.#node(to);
    await target.client.cluster('SETSLOT', slot, 'IMPORTING', source.id);
    await source.client.cluster('SETSLOT', slot, 'MIGRATING', target.id);
    const total = await source.client.cluster('COUNTKEYSINSLOT', slot);
    let moved = 0;
    let waited = false;
    for (;;) {
      if (!waited && moved * 2 >= total) {
        waited = true;
        await halfway();
      }
      const keys = await source.client.cluster('GETKEYSINSLOT', slot, KEYS_A_MOVE);
      if (keys.length === 0) break;
      const where = ['127.0.0.1', target.server.port, '', 0, MOVE_TIMEOUT_MS];
      await source.client.call('MIGRATE', ...where, 'KEYS', ...keys);
      moved += keys.length;
    }
    for (const node of [target, source, ...this.#nodes]) {
      await node.client.cluster('SETSLOT', slot, 'NODE', target.id);
    }
    await eventually(() => this.#agree());
    return moved;
  }

  /** How often the servers have answered with an error of this code. */
  async refusals(code: 'TRYAGAIN' | 'ASK' | 'MOVED'): Promise<number> {
    const infos = await Promise.all(this.#nodes.map(({ client }) => client.info('errorstats')));
    return infos
      .map((info) => new RegExp(`^errorstat_${code}:count=(\\d+)`, 'm').exec(info)?.[1])
      .reduce((sum, count) => sum + Number(count ?? 0), 0);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#nodes.map(({ server }) => server.stop()));
  }

  /**
   * Whether all nodes know the same owners, of the same epochs. One that is behind could take an
   * older claim for the newer one, and a node that loses a slot in that way drops its keys.
   */
  async #agree(): Promise<void> {
    const views = await Promise.all(
      this.#nodes.map(async ({ client }) => {
        const lines = String(await client.call('CLUSTER', 'NODES'))
          .trim()
          .split('\n');
        return lines.map((line) => {
          const [id, , , , , , epoch, , ...slots] = line.split(' ');
          return [id, epoch, ...slots.filter((range) => !range.startsWith('['))].join(' ');
        });
      }),
    );
    const different = new Set(views.map((view) => view.toSorted().join('\n')));
    if (different.size > 1) throw new Error(`the nodes disagree: ${[...different].join('\n\n')}`);
  }

  /** Gives each node its share of the slots, and makes them known to each other. */
  async #form(): Promise<void> {
    const share = Math.ceil(SLOTS / MASTERS);
    for (const [at, { client }] of this.#nodes.entries()) {
      const last = Math.min(SLOTS, (at + 1) * share) - 1;
      await client.cluster('SET-CONFIG-EPOCH', at + 1);
      await client.cluster('ADDSLOTSRANGE', at * share, last);
    }
    const first = this.#node(0);
    for (const { server, busPort } of this.#nodes.slice(1)) {
      await first.client.call('CLUSTER', 'MEET', '127.0.0.1', server.port, busPort);
    }
    await eventually(
      async () => {
        const infos = await Promise.all(this.#nodes.map(({ client }) => client.cluster('INFO')));
        for (const info of infos) {
          if (!/cluster_state:ok[^]*cluster_known_nodes:3/.test(info)) throw new Error(info);
        }
      },
      { deadlineMs: FORMED_MS },
    );
  }

  #node(at: number): Node {
    const node = this.#nodes[at];
    if (node === undefined) throw new Error(`the cluster has no server ${at}`);
    return node;
  }
}

async function launch(options: RedisServerOptions): Promise<Node> {
  for (let attempt = 1; ; attempt += 1) {
    const busPort = await freePort();
    const args = ['--cluster-enabled', 'yes', '--cluster-port', String(busPort)];
    try {
      const server = await startRedis({ ...options, args: [...args, ...(options.args ?? [])] });
      const client = server.connect();
      return { server, busPort, client, id: await client.cluster('MYID') };
    } catch (error) {
      // Somebody else may have taken the bus's port meanwhile.
      if (attempt === 5 || !/address already in use/i.test(String(error))) throw error;
    }
  }
}

/** Starts a cluster for this test; `stop()` it, or let the end of the file do so. */
export function startRedisCluster(options: RedisServerOptions = {}): Promise<RedisCluster> {
  return RedisCluster.start(options);
}
