import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Deployment, Member } from './support/deployment.ts';
import { eventually } from '../support/eventually.ts';
import type { Fleet } from '../workers/support/fleet.ts';
import { isLong } from './support/size.ts';
import { survives } from './support/survives.ts';
import type { Evidence } from './support/witness.ts';

/** Longer than a busy machine stops a worker: a lease lost by that would be one more connect. */
const LEASE_MS = isLong ? 10_000 : 2500;
const HEARTBEAT_MS = LEASE_MS / 4;
const PAUSE_MS = 30_000;

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
    `Redis paused for ${isLong ? '30 s' : 'longer than a lease'}, then out of memory`,
    {
      worker: { LEASE_MS: String(LEASE_MS), HEARTBEAT_MS: String(HEARTBEAT_MS) },
      disasters: [
        {
          at: 0.2,
          strike: async (deployment) => {
            deployment.redis.pause();
            // Whoever has missed five heartbeats says so, and five are longer than a lease.
            await Promise.all([deployment.unready(), isLong ? delay(PAUSE_MS) : undefined]);
            deployment.redis.resume();
          },
        },
        {
          at: 0.6,
          strike: async ({ redis, fleet, workers }, [member]) => {
            const client = redis.connect();
            await client.config('SET', 'maxmemory', '1');
            const more = { identityId: member?.id ?? '', thing: 'device_refused', desired: {} };
            await expect(fleet.sendAll([more])).rejects.toThrow(/OOM|EXECABORT/);
            await keptFor(fleet, 3 * LEASE_MS);
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

/** Every lease has been renewed for so long, by Redis's clock, and is nobody else's. */
async function keptFor({ reader }: Fleet, ms: number): Promise<void> {
  const { at, shards: before } = await reader.read();
  const look = async () => {
    const { shards } = await reader.read();
    for (const [number, { epoch, leaseExpiresAt = 0 }] of shards.entries()) {
      expect(leaseExpiresAt).toBeGreaterThan(at + ms);
      expect(epoch).toBe(before[number]?.epoch);
    }
  };
  await eventually(look, { deadlineMs: ms + 30_000 });
}

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
