import { expect, test } from 'vitest';
import { laneId } from '../../src/shared/domain/lane.ts';
import { IdentityDirectory } from '../../src/shared/store/identityDirectory.ts';
import { Vault } from '../../src/shared/vault/vault.ts';
import { IdentityMissingError } from '../../src/workers/shard/identityRecords.ts';
import { auditShard } from './support/auditShard.ts';
import { request, type ShardWorld } from './support/shardWorld.ts';
import { useShardWorld } from './support/useShardWorld.ts';

const openWorld = useShardWorld();

const DENIAL = { stage: 'CONNECT', gate: 'CONNECT_POLICY', message: 'no', remedy: 'do' } as const;
const PARK = {
  status: 'QUARANTINED',
  waitReason: 'IDENTITY_QUARANTINED',
  denial: DENIAL,
  probeInMs: 60_000,
} as const;

const directoryOf = (world: ShardWorld) =>
  new IdentityDirectory(world.redis, world.keys, world.queues, world.vault, 1);

const person = (username: string) => ({ username, secret: { password: 'a password' } });

test('a registered identity has its secret sealed, and a job that verifies it', async () => {
  const world = await openWorld();
  const identity = await directoryOf(world).register({ ...person('ann'), label: 'Ann' });
  expect(identity).toMatchObject({ username: 'ann', label: 'Ann', status: 'PENDING', shard: 0 });
  const owner = await world.takeOver();
  expect(await owner.records.secret(identity.id)).toEqual({ password: 'a password' });
  const [job] = await world.queues.queue(0).getJobs(['wait']);
  expect(job).toMatchObject({ name: 'verify', data: { identityId: identity.id } });
  for (const value of (await world.dump()).values()) expect(value).not.toContain('a password');
});

test('of two that register one username at once, one succeeds', async () => {
  const world = await openWorld();
  const both = await Promise.allSettled(
    [1, 2].map(() => directoryOf(world).register(person('ann'))),
  );
  expect(both.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
  expect(both.find(({ status }) => status === 'rejected')).toMatchObject({
    reason: { code: 'IDENTITY_EXISTS' },
  });
});

test('a registration that a crash cut behind the username is finished by the next one', async () => {
  const world = await openWorld();
  const directory = directoryOf(world);
  const first = await directory.register(person('ann'));
  // What is left of a registration that died before the identity was written.
  await world.redis.del(
    world.shardKeys.identity(first.id),
    world.shardKeys.secret(first.id),
    world.shardKeys.identities,
  );
  const second = await directory.register(person('ann'));
  expect(second.id).toBe(first.id);
  expect(await directory.findByUsername('ann')).toMatchObject({ id: first.id });
});

test('parking states why, since when and until when, and keeps the first moment over probes', async () => {
  const world = await openWorld();
  const id = await world.identity();
  const owner = await world.takeOver();
  const first = await owner.records.park(id, PARK);
  const again = await owner.records.park(id, { ...PARK, probeInMs: 120_000 });
  expect(again.since).toBe(first.since);
  const { identity } = await owner.records.read(id);
  expect(identity).toMatchObject({
    status: 'QUARANTINED',
    quarantine: { denial: DENIAL, since: first.since, probeAt: again.probeAt, probes: 1 },
  });
  const due = again.probeAt ?? 0;
  expect(await owner.records.dueProbes(due - 1, 10)).toEqual([]);
  expect(await owner.records.dueProbes(due, 10)).toEqual([id]);
});

test('parking holds the heads of its lanes at once, and a release lets them run', async () => {
  const world = await openWorld();
  const [id, other] = [await world.identity(), await world.identity()];
  const requests = [request(id), request(id), request(id, { thing: 'device_2' }), request(other)];
  const ids = await world.accept(requests);
  const owner = await world.takeOver();
  await owner.records.park(id, PARK);
  expect(await world.states(ids)).toEqual(['HELD', 'QUEUED', 'HELD', 'QUEUED']);
  await auditShard(world);
  await owner.records.release(id);
  expect(await world.states(ids)).toEqual(['QUEUED', 'QUEUED', 'QUEUED', 'QUEUED']);
  expect(await owner.records.dueProbes(Number.MAX_SAFE_INTEGER, 10)).toEqual([]);
  await auditShard(world);
});

test('a release wakes the job of every update that waits in a lane, not the first one only', async () => {
  const world = await openWorld();
  const id = await world.identity();
  const ids: string[] = [];
  for (const n of [1, 2, 3]) ids.push(...(await world.accept([request(id, { desired: { n } })])));
  const owner = await world.takeOver();
  await owner.records.park(id, PARK);
  const released = await owner.records.release(id);
  expect(released.toSorted()).toEqual(ids.map((update) => `d_${update}`).toSorted());
});

test('a head in flight is left to the end of its try when its identity is parked', async () => {
  const world = await openWorld();
  const id = await world.identity();
  const [update = ''] = await world.accept([request(id)]);
  const owner = await world.takeOver();
  const step = await owner.lanes.claim(laneId(request(id)));
  await owner.records.park(id, PARK);
  if (step.kind !== 'claimed') throw new Error(step.kind);
  await owner.lanes.settle(laneId(request(id)), step.claim, 'SUCCEEDED', {}, false);
  expect(await world.states([update])).toEqual(['SUCCEEDED']);
  await auditShard(world);
});

test('an operator releases without a lease, and the delayed jobs run', async () => {
  const world = await openWorld();
  const id = await world.identity();
  const ids = await world.accept([request(id)]);
  const owner = await world.takeOver();
  await owner.records.park(id, PARK);
  const job = await owner.takeJob();
  await job?.moveToDelayed(Date.now() + 600_000, owner.lease.token);
  await world.expireLease();
  const released = await directoryOf(world).release(id);
  expect(released).toMatchObject({ status: 'ACTIVE', quarantine: undefined });
  const successor = await world.takeOver();
  await successor.finish();
  expect(await world.states(ids)).toEqual(['SUCCEEDED']);
});

test('there is nothing to release of an identity that is not parked, or not there', async () => {
  const world = await openWorld();
  const directory = directoryOf(world);
  const id = await world.identity();
  await expect(directory.release(id)).rejects.toMatchObject({ code: 'IDENTITY_NOT_QUARANTINED' });
  await expect(directory.release('idn_nobody')).rejects.toMatchObject({
    code: 'IDENTITY_NOT_FOUND',
  });
});

const CREDENTIALS = { idToken: 'i', idTokenExpiresAt: 1, poolUsername: 'p' };

test('another password releases the identity and drops what the old one had obtained', async () => {
  const world = await openWorld();
  const id = await world.identity();
  const owner = await world.takeOver();
  await owner.records.writeCredentials(id, CREDENTIALS, 60_000);
  await owner.records.park(id, { ...PARK, status: 'NEEDS_OPERATOR', probeInMs: undefined });
  await directoryOf(world).replaceSecret(id, { password: 'another' });
  expect(await owner.records.secret(id)).toEqual({ password: 'another' });
  expect(await owner.records.cachedCredentials(id)).toBeUndefined();
  expect((await owner.records.read(id)).identity.status).toBe('ACTIVE');
});

test('credentials are cached for the next owner, sealed for their identity alone', async () => {
  const world = await openWorld();
  const [id, other] = [await world.identity(), await world.identity()];
  const owner = await world.takeOver();
  await owner.records.writeCredentials(id, CREDENTIALS, 60_000);
  const successor = await world.takeOver();
  expect(await successor.records.cachedCredentials(id)).toEqual(CREDENTIALS);
  const { shardKeys } = world;
  await world.redis.copy(shardKeys.credentials(id), shardKeys.credentials(other));
  await expect(successor.records.cachedCredentials(other)).rejects.toMatchObject({
    code: 'VAULT_CORRUPT',
  });
  await successor.records.dropCredentials(id);
  expect(await successor.records.cachedCredentials(id)).toBeUndefined();
});

test('connects of one client id keep their spacing over a change of owner', async () => {
  const world = await openWorld();
  const id = await world.identity();
  const owner = await world.takeOver();
  expect(await owner.records.grantConnect(id, 60_000)).toBe(0);
  const successor = await world.takeOver();
  const wait = await successor.records.grantConnect(id, 60_000);
  expect(wait).toBeGreaterThan(0);
  expect(wait).toBeLessThanOrEqual(60_000);
  expect(await successor.records.grantConnect(id, 0)).toBe(0);
});

test('of many connects asked for at once, one is granted', async () => {
  const world = await openWorld();
  const id = await world.identity();
  const owner = await world.takeOver();
  const waits = await Promise.all(
    Array.from({ length: 10 }, () => owner.records.grantConnect(id, 60_000)),
  );
  expect(waits.filter((wait) => wait === 0)).toHaveLength(1);
});

test('a Cognito identity belongs to the first identity that claims it', async () => {
  const world = await openWorld();
  const owner = await world.takeOver();
  expect(await owner.records.claimCognitoId('eu-west-1:x', 'idn_1')).toBe('idn_1');
  expect(await owner.records.claimCognitoId('eu-west-1:x', 'idn_2')).toBe('idn_1');
  expect(await owner.records.claimCognitoId('eu-west-1:x', 'idn_1')).toBe('idn_1');
});

test('what is written of an identity that was removed is refused and brings nothing back', async () => {
  const world = await openWorld();
  const id = await world.identity();
  const owner = await world.takeOver();
  await world.redis.del(world.shardKeys.identity(id));
  const before = await world.dump();
  for (const write of [
    () => owner.records.write(id, { cognitoId: 'x' }),
    () => owner.records.writeCredentials(id, CREDENTIALS, 60_000),
    () => owner.records.park(id, PARK),
    () => owner.records.release(id),
    () => owner.records.grantConnect(id, 0),
  ]) {
    await expect(write()).rejects.toThrow(IdentityMissingError);
  }
  expect(await world.dump()).toEqual(before);
});

test('a secret that another vault sealed says which key is missing', async () => {
  const world = await openWorld();
  const id = await world.identity();
  const other = new Vault({ active: 'k9', byId: new Map([['k9', Buffer.alloc(32, 9)]]) });
  await world.redis.set(world.shardKeys.secret(id), other.seal('{}', `secret:${id}`));
  const owner = await world.takeOver();
  await expect(owner.records.secret(id)).rejects.toMatchObject({ code: 'VAULT_KEY_UNKNOWN' });
});
