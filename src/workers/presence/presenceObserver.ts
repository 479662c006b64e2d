import type { RedisClient } from '../../shared/redis/client.ts';
import type { Keys } from '../../shared/redis/keys.ts';
import { usernameDigest } from '../../shared/store/usernameDigest.ts';
import { PresenceWatch, type WatchDependencies } from './presenceWatch.ts';

export interface ObserverDependencies extends WatchDependencies {
  readonly redis: RedisClient;
  readonly keys: Keys;
  /** Whose connection observes. */
  readonly username: string;
}

/**
 * Observes presence through the connection of one registered identity. Whoever owns the shard of
 * that identity has its connection, so that the shard's lease elects the observer: there is one in
 * the deployment, and another one once a lease has run out.
 */
export class PresenceObserver {
  readonly #deps: ObserverDependencies;
  #identityId: string | undefined;
  #watch: PresenceWatch | undefined;

  constructor(deps: ObserverDependencies) {
    this.#deps = deps;
  }

  get observing(): boolean {
    return this.#watch?.observing === true;
  }

  /** The identity that observes; undefined until its user is registered. */
  async identity(): Promise<string | undefined> {
    const { redis, keys, username } = this.#deps;
    const key = keys.username(usernameDigest(username));
    this.#identityId = (await redis.get(key)) ?? undefined;
    return this.#identityId;
  }

  observes(identityId: string): boolean {
    return identityId === this.#identityId;
  }

  /** For a link that this identity is about to open; undefined where another one observes. */
  async watchFor(identityId: string): Promise<PresenceWatch | undefined> {
    // Asked again: its user may have been registered a moment ago.
    if ((await this.identity()) !== identityId) return undefined;
    this.#watch = new PresenceWatch(identityId, this.#deps);
    return this.#watch;
  }

  /** Called now and then while this worker owns the identity. */
  async renew(): Promise<void> {
    await this.#watch?.renew();
  }
}
