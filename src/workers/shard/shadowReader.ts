import { DelayedError, type Job } from 'bullmq';
import type { ShadowReadAnswer } from '../../shared/domain/liveShadow.ts';
import { parseReadShadowJob, type ReadShadowJob } from '../../shared/queue/deliverJob.ts';
import type { RedisClient } from '../../shared/redis/client.ts';
import type { ShardKeys } from '../../shared/redis/shardKeys.ts';
import type { IdentityConnection } from '../connection/identityConnection.ts';
import type { ShadowReading } from '../connection/shadowReading.ts';
import { IdentityMissingError, type IdentityRecords } from './identityRecords.ts';

/** A connection that is being made is waited for in the queue, so that no slot is held by it. */
const AGAIN_MS = 100;

export interface ReadDependencies {
  readonly redis: RedisClient;
  readonly keys: ShardKeys;
  readonly records: Pick<IdentityRecords, 'read'>;
  connection(identityId: string): Pick<IdentityConnection, 'ready' | 'readShadow'>;
}

/**
 * Reads a shadow for somebody who waits, as long as somebody does. The answer takes the place that
 * was made for it and goes with it.
 */
export async function readShadow(
  job: Job,
  lockToken: string | undefined,
  deps: ReadDependencies,
): Promise<string> {
  const asked = parseReadShadowJob(job.data);
  const key = deps.keys.answer(asked.answerId);
  if ((await deps.redis.exists(key)) === 0) return 'nobody waits';
  const answer = await answerOf(asked, deps);
  await deps.redis.set(key, JSON.stringify(answer), 'KEEPTTL', 'XX');
  if (answer.kind !== 'later') return answer.kind;
  await job.moveToDelayed(Date.now() + AGAIN_MS, lockToken);
  throw new DelayedError();
}

async function answerOf(asked: ReadShadowJob, deps: ReadDependencies): Promise<ShadowReadAnswer> {
  const { identityId, thing, shadow, answerId } = asked;
  try {
    const connection = deps.connection(identityId);
    const readiness = await connection.ready(0);
    const { identity } = await deps.records.read(identityId);
    const parked = identity.quarantine;
    if (readiness.kind === 'waits') {
      if (parked !== undefined) return { kind: 'denied', denial: parked.denial };
      const { reason, detail } = readiness.wait;
      return { kind: 'later', why: detail === undefined ? reason : `${reason}: ${detail}` };
    }
    return toAnswer(await connection.readShadow({ thing, shadow }, answerId));
  } catch (error) {
    if (!(error instanceof IdentityMissingError)) throw error;
    return { kind: 'refused', why: 'the identity was removed' };
  }
}

function toAnswer(reading: ShadowReading): ShadowReadAnswer {
  switch (reading.kind) {
    case 'document': {
      const { kind: _kind, ...shadow } = reading;
      return { kind: 'shadow', shadow };
    }
    case 'missing':
      return { kind: 'missing', why: reading.why ?? 'the shadow has no document' };
    case 'refused': {
      const { denial, why } = reading;
      return denial === undefined ? { kind: 'refused', why } : { kind: 'denied', denial };
    }
    case 'later':
      return reading;
    default:
      return reading satisfies never;
  }
}
