import { Cluster, type ClusterNode, type ClusterOptions } from 'ioredis';

/** What ioredis lets an error choose from. */
interface Handlers {
  connectionClosed(): void;
}

type NodeOptions = Omit<NonNullable<ClusterOptions['redisOptions']>, 'replyMapping'>;
type Options = Omit<ClusterOptions, 'redisOptions'> & { readonly redisOptions: NodeOptions };

/**
 * A cluster client that waits as a client of a single Redis does: commands that meet a cluster of
 * which no node is left are sent again once one is back, where ioredis would reject them; and with
 * a `commandTimeout` they give up in time even before any node has seen them.
 */
export class PatientCluster extends Cluster {
  readonly #seeds: readonly ClusterNode[];
  readonly #options: Options;

  constructor(seeds: readonly ClusterNode[], options: Options) {
    super([...seeds], options);
    this.#seeds = seeds;
    this.#options = options;
  }

  override sendCommand(...args: Parameters<Cluster['sendCommand']>): unknown {
    const timeoutMs = this.#options.redisOptions.commandTimeout;
    if (timeoutMs !== undefined) args[0].setTimeout(timeoutMs);
    return super.sendCommand(...args);
  }

  override handleError(error: Error, ttl: { value?: unknown }, handlers: Handlers): void {
    const lost = error.message === 'Connection is closed.' && this.status !== 'ready';
    if (lost) handlers.connectionClosed();
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
