import * as fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import type { Identity } from '../../src/shared/domain/identity.ts';
import { IDENTITY_STATUSES } from '../../src/shared/domain/sets.ts';
import { searchText } from '../../src/shared/domain/searchText.ts';
import { CourierError } from '../../src/shared/errors/courierError.ts';
import { ShardQueues } from '../../src/shared/queue/shardQueues.ts';
import type { RedisClient } from '../../src/shared/redis/client.ts';
import { connectRedis } from '../../src/shared/redis/connect.ts';
import { Keys } from '../../src/shared/redis/keys.ts';
import { GroupDirectory } from '../../src/shared/store/groupDirectory.ts';
import { IdentityDirectory } from '../../src/shared/store/identityDirectory.ts';
import { IdentityEditor } from '../../src/shared/store/identityEditor.ts';
import { type IdentityFilter, IdentityIndex } from '../../src/shared/store/identityIndex.ts';
import { LeaseStore } from '../../src/workers/fleet/leaseStore.ts';
import { RedisClock } from '../../src/workers/fleet/redisClock.ts';
import { IdentityRecords } from '../../src/workers/shard/identityRecords.ts';
import { Vault } from '../../src/shared/vault/vault.ts';
import { uniquePrefix } from '../support/prefix.ts';
import { useStore } from '../support/useStore.ts';

const SHARDS = 3;
const settings = { shardCount: SHARDS, retentionMs: 600_000 };
const GROUPS = ['plant', 'office'];
const DENIAL = { stage: 'CONNECT', gate: 'CONNECT_POLICY', message: 'no', remedy: 'do' } as const;

const store = useStore();
const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((close) => close()));
});

/** The identities of a deployment, with what each of them must be known by. */
class IdentityWorld {
  readonly redis: RedisClient;
  readonly keys: Keys;
  readonly directory: IdentityDirectory;
  readonly editor: IdentityEditor;
  readonly index: IdentityIndex;
  readonly groups: GroupDirectory;
  readonly records: IdentityRecords[] = [];
  readonly groupIds: string[] = [];
  /** By id. */
  readonly known = new Map<string, Identity>();
  readonly #vault = new Vault({ active: 'k1', byId: new Map([['k1', Buffer.alloc(32, 1)]]) });

  constructor(redis: RedisClient, queueRedis: RedisClient) {
    this.redis = redis;
    this.keys = new Keys(uniquePrefix('identities'));
    const queues = new ShardQueues(queueRedis, this.keys);
    this.groups = new GroupDirectory(redis, this.keys, SHARDS);
    this.directory = new IdentityDirectory(redis, this.keys, queues, this.#vault, SHARDS);
    this.editor = new IdentityEditor(redis, this.keys, queues, settings);
    this.index = new IdentityIndex(redis, this.keys, SHARDS);
    open.push(async () => {
      await queues.close();
      redis.disconnect();
      queueRedis.disconnect();
    });
  }

  static async open(): Promise<IdentityWorld> {
    const redis = connectRedis(store());
    const queueRedis = connectRedis(store());
    await Promise.all([redis.connect(), queueRedis.connect()]);
    const world = new IdentityWorld(redis, queueRedis);
    const leases = new LeaseStore(redis, world.keys, SHARDS);
    for (let shard = 0; shard < SHARDS; shard += 1) {
      const lease = await leases.acquire(shard, 'worker', 600_000);
      if (lease === undefined) throw new Error('the lease could not be taken');
      const { keys } = world;
      world.records.push(new IdentityRecords(redis, keys, lease, world.#vault, new RedisClock()));
    }
    for (const name of GROUPS) {
      world.groupIds.push((await world.groups.create(name, undefined, 'tests')).id);
    }
    return world;
  }

  /** Every page of what fits. */
  async list(filter: IdentityFilter, size: number): Promise<readonly string[]> {
    const ids: string[] = [];
    let after: string | undefined;
    do {
      const page = await this.index.page(filter, size, after);
      ids.push(...page.hits.map(({ id }) => id));
      after = page.next;
    } while (after !== undefined);
    return ids;
  }

  /** What every way to look for identities finds is what their records say. */
  async audit(): Promise<void> {
    const all: Identity[] = [];
    for (const id of this.known.keys()) {
      const identity = await this.directory.find(id);
      if (identity !== undefined) all.push(identity);
    }
    const newestFirst = all.toSorted((a, b) => b.createdAt - a.createdAt || (a.id > b.id ? -1 : 1));
    const expectList = async (filter: IdentityFilter, fits: (one: Identity) => boolean) => {
      const expected = newestFirst.filter(fits).map(({ id }) => id);
      expect(await this.list(filter, 3), JSON.stringify(filter)).toEqual(expected);
    };
    await expectList({}, () => true);
    const counts = await this.index.counts({});
    for (const status of IDENTITY_STATUSES) {
      await expectList({ status }, (one) => one.status === status);
      expect(counts.get(status)).toBe(all.filter((one) => one.status === status).length);
    }
    for (const tag of TAGS) await expectList({ tag }, ({ tags }) => tags.includes(tag));
    for (const groupId of this.groupIds) {
      await expectList({ groupId }, ({ groupIds }) => groupIds.includes(groupId));
      const members = await this.groups.memberIds(groupId);
      const noted = all.filter(({ groupIds }) => groupIds.includes(groupId));
      expect(new Set(members)).toEqual(new Set(noted.map(({ id }) => id)));
    }
    const tags = new Map(
      TAGS.map((tag) => [tag, all.filter((one) => one.tags.includes(tag)).length] as const),
    );
    expect(new Map(await this.index.tags())).toEqual(
      new Map([...tags].filter(([, count]) => count > 0)),
    );
    for (const text of ['user', 'kit', 'K']) {
      const byName = all.filter(({ username }) =>
        searchText(username).startsWith(searchText(text)),
      );
      expect(new Set(await this.list({ username: text }, 2))).toEqual(
        new Set(byName.map(({ id }) => id)),
      );
      const byLabel = all.filter(({ label }) =>
        searchText(label ?? '').startsWith(searchText(text)),
      );
      expect(new Set(await this.list({ label: text }, 2))).toEqual(
        new Set(byLabel.map(({ id }) => id)),
      );
    }
  }
}

const TAGS = ['a', 'b', 'site:1'];
const at = fc.nat({ max: 30 });
const tags = fc.subarray(TAGS);
const label = fc.constantFrom(undefined, 'Kitchen', 'kit', 'user of it', 'Ünder');
const step = fc.oneof(
  { weight: 9, arbitrary: fc.record({ do: fc.constant('register' as const), at, label, tags }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('rename' as const), at, label }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('tag' as const), at, tags }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('untag' as const), at, tags }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('park' as const), at, forGood: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('release' as const), at }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('join' as const), at, group: fc.nat({ max: 1 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('leave' as const), at, group: fc.nat({ max: 1 }) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('remove' as const), at }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

async function take(world: IdentityWorld, step: Step): Promise<void> {
  if (step.do === 'register') {
    const username = `${step.at % 2 === 0 ? 'User' : 'kit'}-${step.at}`;
    const secret = { password: 'a password' };
    const asked = { username, secret, label: step.label, tags: step.tags };
    const identity = await world.directory.register(asked);
    world.known.set(identity.id, identity);
    return;
  }
  const identity = [...world.known.values()][step.at % Math.max(1, world.known.size)];
  if (identity === undefined) return;
  const { id, shard } = identity;
  switch (step.do) {
    case 'rename':
      return world.editor.rename(id, step.label);
    case 'tag':
      return world.editor.tag(id, 'add', step.tags);
    case 'untag':
      return world.editor.tag(id, 'remove', step.tags);
    case 'park':
      await world.records[shard]?.park(id, {
        status: step.forGood ? 'NEEDS_OPERATOR' : 'QUARANTINED',
        waitReason: step.forGood ? 'NEEDS_OPERATOR' : 'IDENTITY_QUARANTINED',
        denial: DENIAL,
        probeInMs: step.forGood ? undefined : 60_000,
      });
      return;
    case 'release':
      await world.records[shard]?.release(id);
      return;
    case 'join':
      return world.groups.add(world.groupIds[step.group] ?? '', id);
    case 'leave':
      return world.groups.remove(world.groupIds[step.group] ?? '', id);
    case 'remove':
      await world.editor.remove(id, { pending: 'REFUSE', actor: 'tests', reason: 'no' });
      world.known.delete(id);
      return;
    default:
      step satisfies never;
  }
}

test('whatever is done to identities, every list of them is what their records say', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 50, maxLength: 90, size: 'max' }),
      async (steps) => {
        const world = await IdentityWorld.open();
        for (const one of steps) {
          await take(world, one).catch((error: unknown) => {
            // A username that is registered, or an identity that is gone.
            if (!(error instanceof CourierError)) throw error;
          });
        }
        await world.audit();
        for (const identity of world.known.values()) {
          const { id } = identity;
          await world.editor.remove(id, { pending: 'REFUSE', actor: 'tests', reason: 'no' });
          world.known.delete(id);
        }
        await world.audit();
      },
    ),
    { numRuns: 25, endOnFailure: true, interruptAfterTimeLimit: 10_000 },
  );
});
