import { DelayedError, type Job, Worker } from 'bullmq';
import type { PublishOutcome } from '../../../src/workers/connection/publishOutcome.ts';
import { processDeliver } from '../../../src/workers/delivery/deliverProcessor.ts';
import { LaneDrainer, type Outlet } from '../../../src/workers/delivery/laneDrainer.ts';
import type { Lease } from '../../../src/workers/fleet/lease.ts';
import { RedisClock } from '../../../src/workers/fleet/redisClock.ts';
import { IdentityRecords } from '../../../src/workers/shard/identityRecords.ts';
import { LaneStore } from '../../../src/workers/shard/laneStore.ts';
import { Schedule } from '../../../src/workers/shard/schedule.ts';
import { Sweeper } from '../../../src/workers/shard/sweeper.ts';
import { laneId } from '../../../src/shared/domain/lane.ts';
import { SCHEDULE } from '../../../src/shared/queue/deliverJob.ts';
import { JOB_KEEPING } from '../../../src/shared/queue/shardQueues.ts';
import { DELIVER_QUEUE } from '../../../src/shared/redis/shardKeys.ts';
import { eventually } from '../../support/eventually.ts';
import type { ShardWorld } from './shardWorld.ts';

const RETENTION_MS = 600_000;
const ACCEPTED: PublishOutcome = { kind: 'accepted', version: 1, pubackMs: 1, answerMs: 2 };

/**
 * A worker that holds the shard's lease, made of the real stores, drainers and BullMQ worker, whose
 * steps a test takes one at a time, so that it can stop between any two of them. Instead of a
 * broker it has an outlet that accepts everything and notes it in the world's ledger.
 */
export class Owner {
  readonly lease: Lease;
  readonly lanes: LaneStore;
  readonly records: IdentityRecords;
  readonly sweeper: Sweeper;
  readonly schedule: Schedule;
  /** How the broker answers; accepts everything unless a test says otherwise. */
  answer: (updateId: string) => PublishOutcome = () => ACCEPTED;
  /** Whether there is a connection. */
  isConnected = true;
  /** Why nothing may begin; undefined where it may. */
  pausedBy: string | undefined;
  readonly #world: ShardWorld;
  readonly #worker: Worker;
  readonly #drainers = new Map<string, LaneDrainer>();
  /** Jobs that step aside until there is a connection. */
  readonly #called = new Set<string>();

  constructor(world: ShardWorld, lease: Lease) {
    const { redis, keys, shardKeys, vault, events, queues } = world;
    this.#world = world;
    this.lease = lease;
    const clock = new RedisClock();
    this.lanes = new LaneStore(redis, shardKeys, lease, RETENTION_MS, clock);
    this.records = new IdentityRecords(redis, keys, lease, vault, clock);
    this.schedule = new Schedule(lease, this.lanes, queues);
    this.sweeper = new Sweeper(lease.shard, this.lanes, queues, events);
    this.#worker = new Worker(DELIVER_QUEUE, null, {
      connection: world.queueRedis,
      prefix: shardKeys.tag,
      ...JOB_KEEPING,
      autorun: false,
      skipVersionCheck: true,
    });
    this.#worker.on('error', () => undefined);
  }

  async close(): Promise<void> {
    await this.#worker.close(true);
  }

  /** The next job, with delayed ones that are due; undefined where none is ready. */
  async takeJob(): Promise<Job | undefined> {
    return (await this.#worker.getNextJob(this.lease.token, { block: false })) ?? undefined;
  }

  /** Runs a job to its end, as BullMQ's own loop would. */
  async run(job: Job): Promise<'completed' | 'delayed'> {
    try {
      const result = await this.process(job);
      await job.moveToCompleted(result, this.lease.token, false);
      return 'completed';
    } catch (error) {
      if (error instanceof DelayedError) return 'delayed';
      throw error;
    }
  }

  /** Runs a job's processor alone: what is left is to tell BullMQ that it ended. */
  async process(job: Job): Promise<unknown> {
    if (job.name === SCHEDULE) return this.release();
    return processDeliver(job, this.lease.token, {
      lanes: this.lanes,
      drainer: (laneId) => this.drainer(laneId),
      callWhenUp: () => void this.#called.add(job.id ?? ''),
    });
  }

  /** Releases what is due, and notes where it stands now. */
  async release(): Promise<void> {
    const { redis, shardKeys } = this.#world;
    const before = await redis.zrange(shardKeys.scheduled, 0, '-1');
    await this.schedule.release();
    const left = new Set(await redis.zrange(shardKeys.scheduled, 0, '-1'));
    for (const id of before.filter((one) => !left.has(one))) {
      const fields = await redis.hgetall(shardKeys.update(id));
      const { identity: identityId = '', thing = '', shadow } = fields;
      this.#world.entered(laneId({ identityId, thing, shadow }), id);
    }
  }

  /** The connection comes up, which calls the jobs that wait for it. */
  async connect(): Promise<void> {
    this.isConnected = true;
    const { queues } = this.#world;
    await Promise.all([...this.#called].map((id) => queues.promote(this.lease.shard, id)));
    this.#called.clear();
  }

  drainer(laneId: string): LaneDrainer {
    const known = this.#drainers.get(laneId);
    if (known !== undefined) return known;
    const forget = () => void this.#drainers.delete(laneId);
    const drainer = new LaneDrainer(
      laneId,
      {
        lanes: this.lanes,
        events: this.#world.events,
        retry: { maxTries: 8, baseMs: 1, maxMs: 10 },
        ready: (connection) => connection.ready(0),
        connection: (identityId) => this.#outlet(identityId, laneId),
        denied: (_identityId, { suspect }) => suspect,
        quiet: () => false,
        paused: () => this.pausedBy,
      },
      forget,
    );
    this.#drainers.set(laneId, drainer);
    return drainer;
  }

  /** Sweeps and runs jobs until no lane is left. */
  async finish(): Promise<void> {
    const { redis, shardKeys } = this.#world;
    await eventually(
      async () => {
        await this.release();
        await this.sweeper.sweep();
        for (let job = await this.takeJob(); job !== undefined; job = await this.takeJob()) {
          await this.run(job);
        }
        const left = await redis.zcard(shardKeys.lanes);
        if (left > 0) throw new Error(`${left} lanes are not empty`);
      },
      { intervalMs: 10 },
    );
  }

  #outlet(identityId: string, laneId: string): Outlet {
    return {
      state: this.isConnected ? 'connected' : 'connecting',
      ready: async () => {
        if (!this.isConnected) {
          return { kind: 'waits', wait: { reason: 'CONNECTING', until: Date.now() + 60_000 } };
        }
        const { identity } = await this.records.read(identityId);
        return identity.status === 'QUARANTINED' || identity.status === 'NEEDS_OPERATOR'
          ? { kind: 'waits', wait: { reason: 'IDENTITY_QUARANTINED' } }
          : { kind: 'ready' };
      },
      publish: (request) => {
        this.#world.published(laneId, request.token);
        return Promise.resolve(this.answer(request.token));
      },
      readShadow: () => Promise.resolve({ kind: 'missing' }),
    };
  }
}
