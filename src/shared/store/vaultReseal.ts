import { CourierError } from '../errors/courierError.ts';
import type { RedisClient } from '../redis/client.ts';
import type { Keys } from '../redis/keys.ts';
import { runScript } from '../redis/script.ts';
import type { Vault } from '../vault/vault.ts';
import type { Webhook } from '../domain/webhook.ts';
import { RESEAL } from './lua/identityScripts.ts';

import { Webhooks } from './webhooks.ts';

const KINDS = ['secret', 'credentials'] as const;
type Kind = (typeof KINDS)[number];

/** What is known after some of the work. Counts are of secrets, two an identity at most, and one a webhook. */
export interface ResealProgress {
  readonly identities: number;
  readonly resealed: number;
  readonly current: number;
  /** What does not open, with why; it was left as it is. */
  readonly failures: readonly {
    /** Of the identity, or of the webhook. */ readonly identityId: string;
    readonly error: CourierError;
  }[];
}

/**
 * Seals every secret in Redis with the vault's active key, so that older keys can be retired. Each
 * is replaced by itself and only where it did not change meanwhile: workers go on, and a run that
 * was interrupted is completed by the next one.
 */
export async function* resealSecrets(
  redis: RedisClient,
  keys: Keys,
  vault: Vault,
  shardCount: number,
): AsyncGenerator<ResealProgress> {
  const progress = { identities: 0, resealed: 0, current: 0, failures: [] as Failure[] };
  for (let shard = 0; shard < shardCount; shard += 1) {
    let cursor = '0';
    const seen = new Set<string>();
    do {
      const [next, entries] = await redis.zscan(keys.shard(shard).identities, cursor, 'COUNT', 200);
      cursor = next;
      // Pairs of id and score; a scan may give an entry twice.
      const ids = entries.filter((_, at) => at % 2 === 0 && !seen.has(entries[at] ?? ''));
      for (const id of ids) seen.add(id);
      const results = await Promise.all(
        ids.flatMap((id) => KINDS.map((kind) => resealOne(redis, keys, vault, shard, kind, id))),
      );
      progress.identities += ids.length;
      for (const result of results) {
        if (result === 'resealed' || result === 'current') progress[result] += 1;
        else if (result !== 'none') progress.failures.push(result);
      }
      yield progress;
    } while (cursor !== '0');
  }
  const webhooks = new Webhooks(redis, keys, vault);
  for (const webhook of await webhooks.all()) {
    const result = await resealWebhook(webhooks, webhook);
    if (typeof result === 'string') progress[result] += 1;
    else progress.failures.push(result);
  }
  yield progress;
}

async function resealWebhook(
  webhooks: Webhooks,
  webhook: Webhook,
): Promise<'current' | 'resealed' | Failure> {
  if (webhooks.isCurrent(webhook)) return 'current';
  try {
    await webhooks.reseal(webhook.id);
    return 'resealed';
  } catch (error) {
    if (!(error instanceof CourierError)) throw error;
    return { identityId: webhook.id, error };
  }
}

type Failure = ResealProgress['failures'][number];

async function resealOne(
  redis: RedisClient,
  keys: Keys,
  vault: Vault,
  shard: number,
  kind: Kind,
  identityId: string,
): Promise<'none' | 'current' | 'resealed' | Failure> {
  const shardKeys = keys.shard(shard);
  const key = kind === 'secret' ? shardKeys.secret(identityId) : shardKeys.credentials(identityId);
  for (;;) {
    const sealed = await redis.get(key);
    if (sealed === null || sealed === '') return 'none';
    if (vault.isCurrent(sealed)) return 'current';
    const binding = `${kind}:${identityId}`;
    try {
      const again = vault.seal(vault.open(sealed, binding), binding);
      const args = [kind, identityId, sealed, again];
      if ((await runScript(redis, RESEAL, [shardKeys.lease], args)) === 1) return 'resealed';
    } catch (error) {
      if (!(error instanceof CourierError)) throw error;
      return { identityId, error };
    }
  }
}
