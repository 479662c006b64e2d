import type { Redis } from 'ioredis';
import type { RedisTarget } from '../../src/shared/redis/target.ts';
import { eventually } from './eventually.ts';
import { freePort } from './freePort.ts';
import type { RedisAccess } from './redisAccess.ts';
import { type RedisServer, type RedisServerOptions, startRedis } from './redisServer.ts';

const SLOTS = 16_384;
const MASTERS = 3;
const KEYS_A_MOVE = 20;
const MOVE_TIMEOUT_MS = 5000;
/** A cluster waits two seconds after its start before it takes writes. */
const FORMED_MS = 30_000;

export interface RedisClusterOptions extends RedisServerOptions {
  /** With TLS between the nodes, too. */
  readonly access?: RedisAccess;
  /** Whether each master has a replica. */
  readonly replicas?: boolean;
}

interface Node {
  readonly server: RedisServer;
  readonly busPort: number;
  /** Which the other nodes reach it at. */
  readonly nodePort: number;
  /** For the cluster's own commands, which ask exactly this node. */
  readonly client: Redis;
  readonly id: string;
}

/** Three masters, as processes of this test alone. */
export class RedisCluster {
  /** The masters, then their replicas in the same order. */
  readonly #nodes: readonly Node[];
  readonly #options: RedisClusterOptions;

  private constructor(nodes: readonly Node[], options: RedisClusterOptions) {
    this.#nodes = nodes;
    this.#options = options;
  }

  static async start(options: RedisClusterOptions = {}): Promise<RedisCluster> {
    const length = options.replicas === true ? 2 * MASTERS : MASTERS;
    const launched = await Promise.allSettled(Array.from({ length }, () => launch(options)));
    const nodes = launched.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    const cluster = new RedisCluster(nodes, options);
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

  /** The same for whoever comes over TLS, as the product's user. */
  get securedTarget(): RedisTarget {
    const { access } = this.#options;
    if (access === undefined) throw new Error('the cluster takes no TLS');
    return { REDIS_URL: access.url(this.#node(0).nodePort), REDIS_CLUSTER: 'on' };
  }

  /** The masters that it began with. */
  get servers(): readonly RedisServer[] {
    return this.#nodes.slice(0, MASTERS).map(({ server }) => server);
  }

  /** What has a master's slots once it is away. */
  replicaOf(master: number): RedisServer {
    return this.#node(MASTERS + master).server;
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
    for (const [at, { client }] of this.#nodes.slice(0, MASTERS).entries()) {
      const last = Math.min(SLOTS, (at + 1) * share) - 1;
      await client.cluster('SET-CONFIG-EPOCH', at + 1);
      await client.cluster('ADDSLOTSRANGE', at * share, last);
    }
    const first = this.#node(0);
    for (const { nodePort, busPort } of this.#nodes.slice(1)) {
      await first.client.call('CLUSTER', 'MEET', '127.0.0.1', nodePort, busPort);
    }
    const formed = new RegExp(`cluster_state:ok[^]*cluster_known_nodes:${this.#nodes.length}\\b`);
    await eventually(
      async () => {
        const infos = await Promise.all(this.#nodes.map(({ client }) => client.cluster('INFO')));
        for (const info of infos) if (!formed.test(info)) throw new Error(info);
      },
      { deadlineMs: FORMED_MS },
    );
    await Promise.all(this.#nodes.slice(MASTERS).map((node, at) => follow(node, this.#node(at))));
  }

  #node(at: number): Node {
    const node = this.#nodes[at];
    if (node === undefined) throw new Error(`the cluster has no server ${at}`);
    return node;
  }
}

async function launch(options: RedisClusterOptions): Promise<Node> {
  for (let attempt = 1; ; attempt += 1) {
    const busPort = await freePort();
    const tlsPort = options.access === undefined ? undefined : await freePort();
    const args = ['--cluster-enabled', 'yes', '--cluster-port', String(busPort)];
    if (options.access !== undefined && tlsPort !== undefined) {
      args.push('--tls-cluster', 'yes', '--tls-replication', 'yes');
      args.push(...options.access.serverArguments(tlsPort));
    }
    const login = options.access?.login;
    try {
      const server = await startRedis({
        ...options,
        ...(login === undefined ? {} : { login }),
        args: [...args, ...(options.args ?? [])],
      });
      const client = server.connect();
      const nodePort = tlsPort ?? server.port;
      return { server, busPort, nodePort, client, id: await client.cluster('MYID') };
    } catch (error) {
      // Somebody else may have taken the bus's port meanwhile.
      if (attempt === 5 || !/address already in use/i.test(String(error))) throw error;
    }
  }
}

/** Makes a node that has no slots the replica of a master, and waits until it has its data. */
async function follow({ client }: Node, master: Node): Promise<void> {
  await client.cluster('REPLICATE', master.id);
  await eventually(
    async () => {
      const info = await client.info('replication');
      if (!info.includes('master_link_status:up')) throw new Error(info);
    },
    { deadlineMs: FORMED_MS },
  );
}

/** Starts a cluster for this test; `stop()` it, or let the end of the file do so. */
export function startRedisCluster(options: RedisClusterOptions = {}): Promise<RedisCluster> {
  return RedisCluster.start(options);
}
