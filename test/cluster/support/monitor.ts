import type { Redis } from 'ioredis';
import { eventually } from '../../support/eventually.ts';
import type { RedisServer } from '../../support/redisServer.ts';

/** Commands inside of scripts that name no key. */
const WITHOUT_KEY = new Set(['time', 'redis.log']);
const SCRIPTS = new Set(['eval', 'evalsha']);

/** What servers execute, as MONITOR tells it: a script, then every command that it calls. */
export class Monitor {
  /** Commands of scripts on a key that is not in the slot of the script's own first key. */
  readonly strays: string[] = [];
  /** How many commands of scripts were seen. */
  touched = 0;
  readonly #feeds: Redis[] = [];
  readonly #said = new Set<string>();

  static async start(servers: readonly RedisServer[]): Promise<Monitor> {
    const monitor = new Monitor();
    for (const server of servers) {
      const feed = await server.connect().monitor();
      monitor.#feeds.push(feed);
      let tag = '';
      feed.on('monitor', (_time: string, args: readonly string[], source: string) => {
        const [name = '', ...words] = args;
        const command = name.toLowerCase();
        if (source !== 'lua') {
          // Its number of keys stands between the script and the first one.
          if (SCRIPTS.has(command)) tag = tagOf(words[2]);
          else monitor.#said.add(words[0] ?? '');
          return;
        }
        if (WITHOUT_KEY.has(command)) return;
        monitor.touched += 1;
        if (tag === '' || tagOf(words[0]) !== tag) monitor.strays.push(`${tag}: ${args.join(' ')}`);
      });
    }
    return monitor;
  }

  /** Waits until the servers have told of all that was executed before now. */
  async reached(key: string, ask: () => Promise<unknown>): Promise<void> {
    await ask();
    await eventually(() => {
      if (!this.#said.has(key)) throw new Error(`${key} was not executed yet`);
    });
  }

  stop(): void {
    for (const feed of this.#feeds) feed.disconnect();
  }
}

function tagOf(key: string | undefined): string {
  return /^\{[^}]*\}/.exec(key ?? '')?.[0] ?? '';
}
