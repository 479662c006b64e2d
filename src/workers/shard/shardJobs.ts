import { DelayedError, type Job } from 'bullmq';
import type { WaitReason } from '../../shared/domain/sets.ts';
import { parseLaneId } from '../../shared/domain/lane.ts';
import { messageOf } from '../../shared/errors/courierError.ts';
import type { Logger } from '../../shared/observability/logger.ts';
import {
  BULK,
  CONNECTION,
  DELIVER,
  parseConnectionJob,
  parseScheduleJob,
  parseVerifyJob,
  READ_SHADOW,
  SCHEDULE,
  VERIFY,
} from '../../shared/queue/deliverJob.ts';
import type { RedisClient } from '../../shared/redis/client.ts';
import type { ShardKeys } from '../../shared/redis/shardKeys.ts';
import type { AcrossShards } from '../bulk/acrossShards.ts';
import { processDeliver } from '../delivery/deliverProcessor.ts';
import type { IdentityRecords } from './identityRecords.ts';
import type { LaneDrainers } from './laneDrainers.ts';
import type { LaneStore } from './laneStore.ts';
import type { Schedule } from './schedule.ts';
import { readShadow } from './shadowReader.ts';
import type { ShardConnections } from './shardConnections.ts';
import type { WaitingRoom } from './waitingRoom.ts';

export interface JobDependencies {
  readonly redis: RedisClient;
  readonly keys: ShardKeys;
  readonly lanes: LaneStore;
  readonly drainers: LaneDrainers;
  readonly schedule: Schedule;
  readonly records: IdentityRecords;
  readonly connections: ShardConnections;
  readonly room: WaitingRoom;
  readonly acrossShards: AcrossShards;
  /** True once nothing new may be begun: the next owner's to do. */
  readonly quiet: () => boolean;
  readonly log: Logger;
}

/** A verify job that cannot connect yet looks again after this long. */
const VERIFY_PATIENCE_MS = 10_000;

/** Why a verify job could not find out. */
const NOT_KNOWN_YET: ReadonlySet<WaitReason> = new Set([
  'CONNECTING',
  'CONNECTION_LIMIT',
  'NO_OWNER',
]);

/** What each kind of job in a shard's queue has its owner do. */
export class ShardJobs {
  readonly #deps: JobDependencies;

  constructor(deps: JobDependencies) {
    this.#deps = deps;
  }

  /** `token` is that of BullMQ's lock. @returns what BullMQ keeps of a job that is done. */
  async run(job: Job, token: string | undefined): Promise<unknown> {
    const { redis, keys, records, connections, lanes, drainers, acrossShards, quiet } = this.#deps;
    switch (job.name) {
      case DELIVER:
        return processDeliver(job, token, {
          lanes,
          drainer: (laneId) => drainers.of(laneId),
          callWhenUp: (laneId) => {
            connections.callWhenUp(parseLaneId(laneId).identityId, job.id ?? '');
          },
        });
      case SCHEDULE:
        return this.#release(job, token);
      case READ_SHADOW: {
        const connection = (identityId: string) => connections.of(identityId);
        return readShadow(job, token, { redis, keys, records, connection });
      }
      case VERIFY:
        return this.#verify(job, token);
      case CONNECTION:
        return this.#act(job, token);
      case BULK:
        return acrossShards.run(job, token, keys.shard, quiet);
      default:
        throw new Error(`unknown job name ${job.name}`);
    }
  }

  async #release(job: Job, token: string | undefined): Promise<string> {
    const { dueAt } = parseScheduleJob(job.data);
    const now = await this.#deps.schedule.release();
    if (now >= dueAt) return 'released';
    // The clock that counts is Redis's, and it is behind the one that set this job's delay.
    return again(job, token, Date.now() + dueAt - now);
  }

  async #verify(job: Job, token: string | undefined): Promise<string> {
    const { room, connections, quiet } = this.#deps;
    const connection = connections.of(parseVerifyJob(job.data).identityId);
    const readiness = await room.wait(VERIFY_PATIENCE_MS, (ms) => connection.verify(ms));
    if (readiness.kind === 'ready') return 'connected';
    const { reason, until = Date.now() + VERIFY_PATIENCE_MS } = readiness.wait;
    if (!NOT_KNOWN_YET.has(reason)) return reason;
    // Nothing is known yet, and where the shard is being handed over the next owner must find out.
    return again(job, token, quiet() ? Date.now() : until);
  }

  /** Begins what an operator asked for; how it ends shows in the view of each connection. */
  async #act(job: Job, token: string | undefined): Promise<string> {
    const { connections, quiet, log } = this.#deps;
    const { action, identityIds } = parseConnectionJob(job.data);
    if (quiet()) return again(job, token, Date.now());
    for (const identityId of identityIds) {
      const connection = connections.of(identityId);
      const begun = {
        reconnect: () => connection.reconnect(),
        close: () => connection.disconnect(),
        warm: () => connection.ready(0),
      }[action]();
      begun.catch((error: unknown) => {
        log.warn({ identityId, action, error: messageOf(error) }, 'an action failed');
      });
    }
    return `${action} begun`;
  }
}

/** Gives a job back, without using an attempt. */
async function again(job: Job, token: string | undefined, at: number): Promise<never> {
  await job.moveToDelayed(at, token);
  throw new DelayedError();
}
