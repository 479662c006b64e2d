import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { isFinal } from '../../../src/shared/domain/sets.ts';
import { eventually } from '../../support/eventually.ts';
import type { RunningProcess } from '../../support/processes.ts';
import { type RedisServer, startRedis } from '../../support/redisServer.ts';
import { Aws } from '../../workers/support/aws.ts';
import { Fleet, QUICK_CONNECTS } from '../../workers/support/fleet.ts';
import { DEADLINE_MS, SIZE } from './size.ts';

const WORKERS = 3;

export interface Member {
  readonly id: string;
  readonly cognitoId: string;
}

export interface DeploymentOptions {
  readonly emulator?: readonly string[];
  readonly worker?: Readonly<Record<string, string>>;
}

/** A Redis with an append-only file, an emulated account and three workers, all processes. */
export class Deployment {
  readonly redis: RedisServer;
  readonly aws: Aws;
  readonly fleet: Fleet;
  readonly logFile: string;
  readonly #directory: string;
  readonly #workerSettings: Readonly<Record<string, string>>;
  readonly #workers: RunningProcess[] = [];

  private constructor(redis: RedisServer, aws: Aws, directory: string, options: DeploymentOptions) {
    this.redis = redis;
    this.aws = aws;
    this.#directory = directory;
    this.logFile = logFileIn(directory);
    this.fleet = new Fleet(redis.url, aws, SIZE.shards);
    this.#workerSettings = { MAX_TRIES: '100', LOG_LEVEL: 'info', ...options.worker };
  }

  static async start(options: DeploymentOptions = {}): Promise<Deployment> {
    const directory = mkdtempSync(join(tmpdir(), 'courier-chaos-'));
    const [redis, aws] = await Promise.all([
      startRedis({ aof: 'always' }),
      Aws.start([
        ...QUICK_CONNECTS,
        '--users',
        String(SIZE.identities),
        '--log',
        logFileIn(directory),
        ...(options.emulator ?? []),
      ]),
    ]);
    const deployment = new Deployment(redis, aws, directory, options);
    await Promise.all(Array.from({ length: WORKERS }, () => deployment.addWorker()));
    await deployment.isEven();
    return deployment;
  }

  get workers(): readonly RunningProcess[] {
    return this.#workers;
  }

  async addWorker(): Promise<void> {
    this.#workers.push(await this.fleet.workerProcess(this.#workerSettings));
  }

  /** SIGKILL, and another worker in its place. */
  async replaceWorker(at: number): Promise<void> {
    const [killed] = this.#workers.splice(at, 1);
    await killed?.kill();
    await this.addWorker();
  }

  /** Each worker has its share of the shards: what connects from now on stays where it is. */
  async isEven(): Promise<void> {
    await eventually(async () => {
      const { workers } = await this.fleet.reader.read();
      const shares = workers.map(({ shards }) => shards.length);
      expect(shares).toHaveLength(WORKERS);
      expect(shares.reduce((sum, share) => sum + share, 0)).toBe(SIZE.shards);
      expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(1);
    });
  }

  /** Waits until every worker says of itself that it is not ready. */
  async unready(): Promise<void> {
    for (const worker of this.#workers) {
      const [, ops = ''] = await worker.line(/"metrics":"(http:[^"]+)\/metrics"/);
      const look = async () => expect((await fetch(`${ops}/readyz`)).status).toBe(503);
      await eventually(look, { deadlineMs: 60_000 });
    }
  }

  /** Waits until every one of these updates has ended. */
  async allFinal(ids: readonly string[]): Promise<void> {
    let left = ids;
    const look = async () => {
      const updates = await this.fleet.updates(left);
      left = updates.filter(({ state }) => !isFinal(state)).map(({ id }) => id);
      const example = updates.find(({ state }) => !isFinal(state));
      if (left.length > 0) throw new Error(`${left.length} open, as ${JSON.stringify(example)}`);
    };
    await eventually(look, { deadlineMs: DEADLINE_MS, intervalMs: 100 });
  }

  /** As many identities as the run has, each signed in and connected. */
  async identities(count: number = SIZE.identities): Promise<readonly Member[]> {
    const registered = await Promise.all(
      Array.from({ length: count }, () => this.fleet.register()),
    );
    return eventually(
      async () => {
        const seen = await Promise.all(registered.map(({ id }) => this.fleet.identity(id)));
        return seen.map(({ id, status, cognitoId }) => {
          if (status !== 'ACTIVE') throw new Error(`${id} is ${status}`);
          return { id, cognitoId: cognitoId ?? '' };
        });
      },
      { deadlineMs: 60_000, intervalMs: 100 },
    );
  }

  async stop(): Promise<void> {
    await this.fleet.stop();
    await this.aws.stop();
    await this.redis.stop();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

function logFileIn(directory: string): string {
  return join(directory, 'iot.log');
}
