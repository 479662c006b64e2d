import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { CliFailure, EXIT } from '../failure.ts';
import type { Child } from './childProcess.ts';
import { freePort } from './freePort.ts';
import type { Ground } from './ground.ts';

const PORT_ATTEMPTS = 5;
const READY_MS = 20_000;

export interface LocalRedis {
  readonly child: Child;
  readonly url: string;
}

/**
 * A redis-server of our own: append-only file, no eviction, on a free loopback port, in our
 * directory. `REDIS_SERVER_BIN` names the program where it is not on the PATH.
 */
export async function startRedisServer(ground: Ground): Promise<LocalRedis> {
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    const child = launch(ground, port);
    try {
      await child.line((line) => /Ready to accept connections/.test(line) || undefined, READY_MS);
      return { child, url: `redis://127.0.0.1:${port}` };
    } catch (error) {
      const exit = await child.stop(AbortSignal.abort(), 0).then(() => child.exited);
      if (exit.error !== undefined) throw missing(exit.error);
      // Between looking for a port and listening on it somebody else may have taken it.
      if (attempt === PORT_ATTEMPTS || !/address already in use/i.test(child.tail)) throw error;
    }
  }
}

function launch(ground: Ground, port: number): Child {
  const directory = join(ground.directory, 'redis');
  mkdirSync(directory, { recursive: true });
  const settings = {
    port: String(port),
    bind: '127.0.0.1',
    dir: directory,
    daemonize: 'no',
    logfile: '',
    save: '',
    appendonly: 'yes',
    appendfsync: 'everysec',
    'maxmemory-policy': 'noeviction',
  };
  return ground.spawn({
    kind: 'redis',
    name: 'redis',
    command: ground.env.REDIS_SERVER_BIN || 'redis-server',
    args: Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]),
    cwd: directory,
  });
}

function missing(error: Error): CliFailure {
  return new CliFailure(
    `redis-server could not be started: ${error.message}.`,
    'Install Redis 7 or newer (or Valkey), or set REDIS_SERVER_BIN to the program.',
    { exitCode: EXIT.unavailable },
  );
}
