import { execFileSync } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis, type RedisOptions } from 'ioredis';
import { type RunningProcess, startProcess } from './processes.ts';
import { freePort } from './freePort.ts';

/** Replies keep the shape that the product's own connections get. */
export type ConnectOptions = Omit<RedisOptions, 'replyMapping'>;

export interface RedisServerOptions {
  /** `off` (default), or the fsync policy of an append-only file. */
  readonly aof?: 'off' | 'everysec' | 'always';
  /** `noeviction` unless told, as the product demands. */
  readonly maxmemoryPolicy?: string;
  /** The user and password of a test's own clients, as a URL has them; nobody's unless told. */
  readonly login?: string;
  /** More arguments for redis-server, for example `['--maxmemory', '50mb']`. */
  readonly args?: readonly string[];
}

const COMMAND = process.env.REDIS_SERVER_BIN ?? 'redis-server';
const giveUp = (): null => null;

/** A redis-server of this test alone: own port, own directory, verified to be the one started. */
export class RedisServer {
  readonly port: number;
  /** Where its append-only file lies; ours alone, which is how the server is recognised. */
  readonly directory: string;
  readonly #options: RedisServerOptions;
  readonly #clients = new Set<Redis>();
  #process: RunningProcess | undefined;
  #isFrozen = false;

  private constructor(port: number, options: RedisServerOptions) {
    this.port = port;
    this.directory = realpathSync(mkdtempSync(join(tmpdir(), 'courier-redis-')));
    this.#options = options;
  }

  static async start(options: RedisServerOptions = {}): Promise<RedisServer> {
    for (let attempt = 1; ; attempt += 1) {
      const server = new RedisServer(await freePort(), options);
      try {
        await server.launch();
        return server;
      } catch (error) {
        server.#removeDirectory();
        // Between looking for a port and listening on it somebody else may take it.
        if (attempt === 5 || !/address already in use/i.test(String(error))) {
          throw error;
        }
      }
    }
  }

  get url(): string {
    const { login } = this.#options;
    return `redis://${login === undefined ? '' : `${login}@`}127.0.0.1:${this.port}`;
  }

  get pid(): number {
    return this.#running().pid;
  }

  /** What the server wrote to its log since it was last launched. */
  get log(): string {
    return this.#process?.stdout ?? '';
  }

  /** A client that is closed with the server. */
  connect(options: ConnectOptions = {}): Redis {
    const client = new Redis(this.url, { protocol: 2, ...options });
    this.#clients.add(client);
    client.once('end', () => this.#clients.delete(client));
    // A test that kills the server expects the errors; commands still reject by themselves.
    client.on('error', () => {});
    return client;
  }

  /** Starts it again on its port and its data, after `kill` or `shutdown`. */
  async launch(): Promise<void> {
    this.#process = await startProcess(COMMAND, this.#arguments(), {
      cwd: this.directory,
      readyLine: /Ready to accept connections/,
    });
    await this.#verify();
  }

  /** SIGKILL: what the append-only file does not hold is lost. */
  async kill(): Promise<void> {
    await this.#running().kill();
  }

  /** SIGTERM: it writes its append-only file and ends; clients stay and reconnect later. */
  async shutdown(): Promise<void> {
    await this.#running().stop();
  }

  /** Freezes the server: connections stay open and nothing is answered. */
  pause(): void {
    this.#freeze(true);
  }

  resume(): void {
    this.#freeze(false);
  }

  /** Closes the clients made by `connect`, ends the server and removes its directory. */
  async stop(): Promise<void> {
    for (const client of this.#clients) {
      client.disconnect();
    }
    this.#clients.clear();
    if (this.#isFrozen) {
      this.resume();
    }
    // Not asked nicely: it has nothing worth saving, and a test run has many to end.
    await this.#process?.kill();
    this.#removeDirectory();
  }

  #running(): RunningProcess {
    if (this.#process === undefined) {
      throw new Error('this redis-server was never launched');
    }
    return this.#process;
  }

  #arguments(): string[] {
    const { aof = 'off', maxmemoryPolicy = 'noeviction', args = [] } = this.#options;
    const settings = {
      port: String(this.port),
      bind: '127.0.0.1',
      dir: this.directory,
      daemonize: 'no',
      logfile: '',
      save: '',
      'maxmemory-policy': maxmemoryPolicy,
      appendonly: aof === 'off' ? 'no' : 'yes',
      appendfsync: aof === 'off' ? 'no' : aof,
    };
    return [...Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]), ...args];
  }

  /** A server on our port that works in another directory is somebody else's. */
  async #verify(): Promise<void> {
    const client = new Redis(this.url, { lazyConnect: true, retryStrategy: giveUp });
    // The rejected command says the same.
    client.on('error', () => {});
    try {
      const [, directory] = (await client.config('GET', 'dir')) as [string, string];
      if (directory !== this.directory) {
        throw new Error(
          `port ${this.port} is answered by a redis-server of ${directory}, not ours`,
        );
      }
    } catch (error) {
      await this.#process?.kill();
      throw error;
    } finally {
      client.disconnect();
    }
  }

  #freeze(frozen: boolean): void {
    const { pid } = this.#running();
    if (COMMAND.endsWith('redis-server-in-docker.mjs')) {
      execFileSync('docker', [frozen ? 'pause' : 'unpause', `courier-redis-${pid}`]);
    } else {
      this.#running().signal(frozen ? 'SIGSTOP' : 'SIGCONT');
    }
    this.#isFrozen = frozen;
  }

  #removeDirectory(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Starts a redis-server for this test; `stop()` it, or let the end of the file do so. */
export async function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  return RedisServer.start(options);
}
