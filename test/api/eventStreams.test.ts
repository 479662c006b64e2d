import { createClient } from 'graphql-sse';
import { expect, test } from 'vitest';
import { connectRedis } from '../../src/shared/redis/connect.ts';
import { Keys } from '../../src/shared/redis/keys.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/freePort.ts';
import { uniquePrefix } from '../support/prefix.ts';
import { type RunningProcess, startProgram } from '../support/processes.ts';
import { useRedis } from '../support/useRedis.ts';
import { TOKEN, VAULT_KEYS } from './support/testApi.ts';

const redis = useRedis();

interface Answer {
  readonly updateEvents: { readonly cursor: string; readonly updateId: string };
}

test('a client of graphql-sse goes on at another process, with every event and none twice', async () => {
  const env = {
    REDIS_URL: redis().url,
    KEY_PREFIX: uniquePrefix('s').slice(0, 32),
    SHARD_COUNT: '4',
    API_TOKENS: `tests:${TOKEN}`,
    VAULT_KEYS,
    API_PORT: String(await freePort()),
    API_OPS_PORT: '0',
    API_EVENT_POLL_MS: '20',
  };
  const start = async (): Promise<RunningProcess> => {
    const api = await startProgram('src/api/main.ts', [], { env });
    await api.line(/GraphQL is served/);
    return api;
  };
  const store = connectRedis(redis().url);
  const keys = new Keys(env.KEY_PREFIX);
  const sent: string[] = [];
  const happen = async () => {
    const shard = sent.length % 4;
    const u = String(sent.length).padStart(26, '0');
    sent.push(`upd_${shard}_${u}`);
    const fields = { k: 'E', u, s: 'SUCCEEDED', c: '', b: '', i: 'idn_a', t: 'device_1' };
    await store.xadd(keys.shard(shard).events, '*', ...Object.entries(fields).flat());
  };

  const first = await start();
  const seen: string[] = [];
  let cursor: string | undefined;
  let connected = 0;
  const client = createClient({
    url: `http://127.0.0.1:${env.API_PORT}/graphql`,
    headers: () => ({
      authorization: `Bearer ${TOKEN}`,
      ...(cursor === undefined ? {} : { 'last-event-id': cursor }),
    }),
    retryAttempts: 1000,
    retry: () => new Promise((resolve) => setTimeout(resolve, 20)),
    on: { connected: () => (connected += 1) },
  });
  const unsubscribe = client.subscribe<Answer>(
    { query: 'subscription { updateEvents { cursor updateId } }' },
    {
      next: ({ data }) => {
        if (!data) return;
        seen.push(data.updateEvents.updateId);
        cursor = data.updateEvents.cursor;
      },
      error: () => undefined,
      complete: () => undefined,
    },
  );
  try {
    await eventually(() => expect(connected).toBe(1));
    for (let event = 0; event < 5; event += 1) await happen();
    await eventually(() => expect(seen.toSorted()).toEqual(sent.toSorted()));

    // An open stream does not hold the process up.
    first.signal('SIGTERM');
    expect(await first.exited).toEqual({ code: 0, signal: null });
    for (let event = 0; event < 5; event += 1) await happen();
    const second = await start();
    for (let event = 0; event < 5; event += 1) await happen();
    await eventually(() => expect(seen.toSorted()).toEqual(sent.toSorted()));
    await second.kill();
  } finally {
    unsubscribe();
    client.dispose();
    store.disconnect();
  }
});
