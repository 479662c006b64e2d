import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { shardOf } from '../../src/shared/domain/ids.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/freePort.ts';
import type { RunningProcess } from '../support/processes.ts';
import { knowsTls, RedisAccess } from '../support/redisAccess.ts';
import { type RedisCluster, startRedisCluster } from '../support/redisCluster.ts';
import { type RedisServer, startRedis } from '../support/redisServer.ts';
import { ClusterFleet, type Event, UPDATES } from './support/clusterFleet.ts';

let access: RedisAccess;

beforeAll(async () => {
  access = await RedisAccess.create();
});

afterAll(() => access.remove());

async function expectNothingLost(
  deployment: ClusterFleet,
  name: string,
  events: readonly Event[],
): Promise<void> {
  const { finding } = await deployment.run(name, events);
  expect(finding).toMatchObject({ faults: [], states: { SUCCEEDED: UPDATES }, applied: UPDATES });
}

function expectNoSecrets(processes: readonly RunningProcess[]): void {
  for (const { stdout, stderr } of processes) {
    for (const secret of access.secrets) expect(stdout + stderr).not.toContain(secret);
  }
}

type Pair = readonly [RedisServer, RedisServer];

/** Which of two is the other's master now; for a moment of a handover both say that they are. */
async function rolesOf(pair: Pair | undefined) {
  if (pair === undefined) throw new Error('there is no such pair');
  const [one, other] = pair;
  return eventually(async () => {
    const [first, second] = await Promise.all([one.connect().role(), other.connect().role()]);
    expect(new Set([first[0], second[0]])).toEqual(new Set(['master', 'slave']));
    return first[0] === 'master'
      ? { master: one, replica: other }
      : { master: other, replica: one };
  });
}

/** A node's answer about a key of another one's slots. */
function elsewhere(error: Error): number {
  expect(error.message).toMatch(/^MOVED /);
  return 0;
}

describe.skipIf(!(await knowsTls()))('with TLS, a user of few rights and a password', () => {
  describe('a single Redis', () => {
    let redis: RedisServer;
    let deployment: ClusterFleet;
    let worker: RunningProcess;

    beforeAll(async () => {
      const tlsPort = await freePort();
      const { login } = access;
      redis = await startRedis({ aof: 'always', login, args: access.serverArguments(tlsPort) });
      const target = { REDIS_URL: redis.url, REDIS_CLUSTER: 'off' } as const;
      const settings = { REDIS_URL: access.url(tlsPort), NODE_EXTRA_CA_CERTS: access.caFile };
      deployment = await ClusterFleet.start({ target }, settings);
      worker = await deployment.fleet.workerProcess(settings);
    });

    afterAll(async () => {
      await deployment?.stop();
      await redis?.stop();
    });

    test('delivers through a password that is refused for a while, and shows it to nobody', async () => {
      const admin = redis.connect();
      const refused = async () => {
        await admin.call('ACL', 'SETUSER', 'courier', 'resetpass', '>another');
        await admin.client('KILL', 'USER', 'courier');
        await worker.line(/WRONGPASS/);
        await admin.call('ACL', 'SETUSER', 'courier', `>${access.secrets[0]}`);
      };
      await expectNothingLost(deployment, 'single', [{ at: 0.3, happens: refused }]);
      expectNoSecrets([deployment.api, worker]);
    });
  });

  describe('a cluster', () => {
    let cluster: RedisCluster;
    let deployment: ClusterFleet;
    let worker: RunningProcess;

    beforeAll(async () => {
      const args = ['--cluster-node-timeout', '3000'];
      cluster = await startRedisCluster({ aof: 'always', access, replicas: true, args });
      const settings = { ...cluster.securedTarget, NODE_EXTRA_CA_CERTS: access.caFile };
      deployment = await ClusterFleet.start(cluster, settings);
      worker = await deployment.fleet.workerProcess(settings);
    });

    afterAll(async () => {
      await deployment?.stop();
      await cluster?.stop();
    });

    test('loses nothing where masters hand their slots to their replicas', async () => {
      const handOver = (master: number) => async () => {
        const replica = cluster.replicaOf(master).connect();
        const isMaster = async () => expect(await replica.role()).toContain('master');
        // A handover that the masters do not agree to in five seconds is given up.
        await eventually(
          async () => {
            if ((await replica.role())[0] === 'master') return;
            await replica.cluster('FAILOVER');
            await eventually(isMaster, { deadlineMs: 7000 });
          },
          { deadlineMs: 30_000 },
        );
      };
      await expectNothingLost(
        deployment,
        'handed',
        [0, 1, 2].map((master) => ({ at: 0.2 + 0.2 * master, happens: handOver(master) })),
      );
      expectNoSecrets([deployment.api, worker]);
    });

    test('delivers all that a master had passed on before it died', async () => {
      const { fleet } = deployment;
      const members = await Promise.all(Array.from({ length: 6 }, () => fleet.active()));
      const send = (step: number) =>
        eventually(
          () =>
            fleet.sendAll(
              members.map(({ id: identityId }, owner) => ({
                identityId,
                thing: `device_died_${owner}`,
                desired: { step },
              })),
              { idempotencyKey: `died ${step}` },
            ),
          { deadlineMs: 30_000 },
        );
      const ids: string[] = [];
      for (let step = 0; step < 5; step += 1) ids.push(...(await send(step)));
      const pairs = cluster.servers.map((server, at) => [server, cluster.replicaOf(at)] as const);
      for (const pair of pairs) {
        const { master } = await rolesOf(pair);
        expect(await master.connect().wait(1, 10_000)).toBe(1);
      }
      // The one that everything of this member goes through.
      const { id = '' } = members[0] ?? {};
      const key = fleet.keys.shard(shardOf(id, fleet.shardCount)).identity(id);
      const holds = await Promise.all(
        pairs.map(async (pair) => {
          const { master } = await rolesOf(pair);
          return master.connect().exists(key).catch(elsewhere);
        }),
      );
      const { master, replica } = await rolesOf(pairs[holds.indexOf(1)]);
      await master.kill();
      for (let step = 5; step < 10; step += 1) ids.push(...(await send(step)));
      for (const id of ids) await fleet.succeeded(id, 40_000);
      expect(await replica.connect().role()).toContain('master');
    });
  });
});
