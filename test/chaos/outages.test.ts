import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Deployment, Member } from './support/deployment.ts';
import { survives } from './support/survives.ts';
import type { Evidence } from './support/witness.ts';

const LEASE_MS = 1000;
/** How long the disaster lasts: to a lease what half a minute is to one of ten seconds. */
const OUTAGE_MS = 3 * LEASE_MS;

test('a Redis that stops, and one that is killed, cost no acknowledged update', async () => {
  const { members, evidence } = await survives('Redis restarted with AOF', {
    disasters: [
      {
        at: 0.25,
        strike: async ({ redis }) => {
          await redis.shutdown();
          await redis.launch();
        },
      },
      {
        at: 0.6,
        strike: async ({ redis }) => {
          await redis.kill();
          await redis.launch();
        },
      },
    ],
  });
  connectedOnce(members, evidence);
});

test('a Redis that answers nothing, and one without memory, lose nothing and end no connection', async () => {
  const { members, evidence } = await survives(
    'Redis paused for three leases, then out of memory',
    {
      worker: { LEASE_MS: String(LEASE_MS) },
      disasters: [
        {
          at: 0.2,
          strike: async ({ redis }) => {
            redis.pause();
            await delay(OUTAGE_MS);
            redis.resume();
          },
        },
        {
          at: 0.6,
          strike: async ({ redis, fleet, workers }, [member]) => {
            const client = redis.connect();
            await client.config('SET', 'maxmemory', '1');
            const more = { identityId: member?.id ?? '', thing: 'device_refused', desired: {} };
            await expect(fleet.sendAll([more])).rejects.toThrow(/OOM|EXECABORT/);
            await delay(OUTAGE_MS);
            await expect(fleet.sendAll([more])).rejects.toThrow(/OOM|EXECABORT/);
            await client.config('SET', 'maxmemory', '0');
            client.disconnect();
            for (const worker of workers) expect(worker.hasExited).toBe(false);
          },
        },
      ],
    },
  );
  connectedOnce(members, evidence);
});

/** No outage of Redis is a reason to give a connection up. */
function connectedOnce(members: readonly Member[], { connects }: Evidence): void {
  for (const { cognitoId } of members) expect(connects.get(cognitoId)).toHaveLength(1);
}

test('all connections dropped at once, in every manner, lose and reorder nothing', async () => {
  const drop = (how: string) => async (deployment: Deployment) => {
    await deployment.aws.post('/actions/drop-connections', { how });
  };
  await survives('the broker drops all connections at once', {
    disasters: [
      { at: 0.2, strike: drop('sever') },
      { at: 0.45, strike: drop('disconnect') },
      { at: 0.7, strike: drop('close') },
    ],
  });
});
