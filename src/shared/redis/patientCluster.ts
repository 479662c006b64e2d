import { Cluster, type ClusterNode, type ClusterOptions } from 'ioredis';

/** What ioredis lets an error choose from. */
interface Handlers {
  connectionClosed(): void;
}

type NodeOptions = Omit<NonNullable<ClusterOptions['redisOptions']>, 'replyMapping'>;
type Options = Omit<ClusterOptions, 'redisOptions'> & { readonly redisOptions: NodeOptions };

const CLOSED = 'Connection is closed.';

/**
 * A cluster client that waits as a client of a single Redis does: commands that meet a cluster of
 * which no node is left are sent again once one is back, where ioredis would reject them; and with
 * a `commandTimeout` they give up in time even before any node has seen them. Once it was let go,
 * commands are rejected, and it ends whatever it was doing.
 */
export class PatientCluster extends Cluster {
  readonly #seeds: readonly ClusterNode[];
  readonly #options: Options;
  /** Not `status`: where its nodes end one after the other, ioredis goes back from `end` to `close`. */
  #isLetGo = false;

  constructor(seeds: readonly ClusterNode[], options: Options) {
    super([...seeds], options);
    this.#seeds = seeds;
    this.#options = options;
  }

  /**
   * Not before it has ended: BullMQ connects anew what it has just let go, and ioredis, whose old
   * nodes end among the new ones then, would never say `end` to whoever waits for it.
   * @throws Error when it is let go meanwhile, of which ioredis tells nobody once it knows the slots.
   */
  override async connect(): Promise<void> {
    // Not `events.once`, for which an error would be the end.
    const end = () => new Promise<void>((resolve) => void super.once('end', resolve));
    if (this.status === 'disconnecting') await end();
    this.#isLetGo = false;
    await new Promise<void>((resolve, reject) => {
      const ended = () => reject(new Error(CLOSED));
      super.once('end', ended);
      super
        .connect()
        .then(resolve, reject)
        .finally(() => super.off('end', ended));
    });
  }

  override disconnect(reconnect = false): void {
    this.#isLetGo = !reconnect;
    if (!reconnect && this.nodes().length === 0) {
      if (this.status === 'disconnecting' || this.status === 'end') return;
      // There is no node whose end could be waited for, which is what `wait` says.
      this.status = 'wait';
    }
    super.disconnect(reconnect);
  }

  override quit(...args: Parameters<Cluster['quit']>): Promise<'OK'> {
    this.#isLetGo = true;
    return super.quit(...args);
  }

  override sendCommand(...args: Parameters<Cluster['sendCommand']>): unknown {
    const [command] = args;
    if (this.#isLetGo) {
      command.reject(new Error(CLOSED));
      return command.promise;
    }
    const timeoutMs = this.#options.redisOptions.commandTimeout;
    if (timeoutMs !== undefined) command.setTimeout(timeoutMs);
    return super.sendCommand(...args);
  }

  override handleError(error: Error, ttl: { value?: unknown }, handlers: Handlers): void {
    const isLost = error.message === CLOSED && this.status !== 'ready';
    if (isLost && !this.#isLetGo) handlers.connectionClosed();
    else super.handleError(error, ttl, handlers);
  }

  /** BullMQ's blocking reads are a duplicate each; ioredis would make it a plain one. */
  override readonly duplicate = ((
    nodes: readonly ClusterNode[] = [],
    options: Partial<Options> = {},
  ): PatientCluster => {
    const redisOptions = { ...this.#options.redisOptions, ...options.redisOptions };
    const seeds = nodes.length > 0 ? nodes : this.#seeds;
    return new PatientCluster(seeds, { ...this.#options, ...options, redisOptions });
  }) as Cluster['duplicate'];
}
