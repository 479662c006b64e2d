import { setTimeout as sleep } from 'node:timers/promises';
import { ulid } from 'ulid';
import { shardOf } from '../domain/ids.ts';
import type { ShadowReadAnswer } from '../domain/liveShadow.ts';
import type { ShadowRef } from '../domain/shadow.ts';
import { READ_SHADOW, type ReadShadowJob } from '../queue/deliverJob.ts';
import type { ShardQueues } from '../queue/shardQueues.ts';
import type { RedisClient } from '../redis/client.ts';
import type { Keys } from '../redis/keys.ts';
import { runScript } from '../redis/script.ts';
import { OPEN_ANSWER } from './lua/readScripts.ts';

const FIRST_LOOK_MS = 5;
const LAST_LOOK_MS = 50;
/** Looks become rarer: an eighth of what was waited so far lies between two. */
const SHARE = 8;

export type ShadowReadOutcome = ShadowReadAnswer | { readonly kind: 'no-identity' | 'no-owner' };

/**
 * Asks the owner of an identity to read a shadow through the identity's connection. What it answers
 * is in Redis for the moment until it is fetched, and no longer than somebody waits.
 */
export class ShadowReads {
  readonly #redis: RedisClient;
  readonly #keys: Keys;
  readonly #queues: ShardQueues;
  readonly #settings: { readonly shardCount: number; readonly timeoutMs: number };

  constructor(
    redis: RedisClient,
    keys: Keys,
    queues: ShardQueues,
    settings: { readonly shardCount: number; readonly timeoutMs: number },
  ) {
    this.#redis = redis;
    this.#keys = keys;
    this.#queues = queues;
    this.#settings = settings;
  }

  /** @returns 'later' with the last reason where the time was over first. */
  async read(
    identityId: string,
    { thing, shadow }: ShadowRef,
    signal: AbortSignal,
  ): Promise<ShadowReadOutcome> {
    const shard = shardOf(identityId, this.#settings.shardCount);
    const answerId = ulid();
    const keys = this.#keys.shard(shard);
    const opened = await runScript(
      this.#redis,
      OPEN_ANSWER,
      [keys.lease],
      [identityId, answerId, this.#settings.timeoutMs],
    );
    if (opened === 'no-identity' || opened === 'no-owner') return { kind: opened };
    const data: ReadShadowJob = {
      identityId,
      thing,
      answerId,
      ...(shadow === undefined ? {} : { shadow }),
    };
    const job = { name: READ_SHADOW, data, id: `g_${answerId}`, urgent: true, fleeting: true };
    await this.#queues.add(shard, job);
    try {
      return await this.#answer(keys.answer(answerId), signal);
    } finally {
      await this.#redis.del(keys.answer(answerId)).catch(() => undefined);
    }
  }

  async #answer(key: string, signal: AbortSignal): Promise<ShadowReadAnswer> {
    const beganAt = performance.now();
    let last: ShadowReadAnswer = { kind: 'later', why: 'the owner has not got to it' };
    while (!signal.aborted) {
      const waited = performance.now() - beganAt;
      if (waited >= this.#settings.timeoutMs) break;
      const pause = Math.min(LAST_LOOK_MS, Math.max(FIRST_LOOK_MS, waited / SHARE));
      await sleep(pause, undefined, { signal, ref: false }).catch(() => undefined);
      const text = await this.#redis.get(key);
      if (text === null) break;
      if (text === '') continue;
      last = JSON.parse(text) as ShadowReadAnswer;
      if (last.kind !== 'later') break;
    }
    return last;
  }
}
