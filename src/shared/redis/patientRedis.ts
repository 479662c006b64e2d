import { Redis, type RedisOptions } from 'ioredis';

type Options = Omit<RedisOptions, 'replyMapping'>;

/**
 * A client of a single Redis whose commands of one turn of the event loop travel together, and are
 * answered each by itself. ioredis's own `enableAutoPipelining` makes a pipeline of them, where the
 * first answer waits for the last one: Redis and this process would take turns instead of working
 * at the same time.
 *
 * When it is let go it ends, also while it waits to reconnect. ioredis would cancel the attempt,
 * keep its commands, and never say `end`, for which BullMQ's `Worker.close()` waits.
 */
export class PatientRedis extends Redis {
  /** The socket that holds back what is written to it until the end of this turn. */
  #gathering: Redis['stream'] | undefined;

  override sendCommand(...args: Parameters<Redis['sendCommand']>): unknown {
    const [, ofPipeline] = args;
    // What a pipeline has goes to its own buffer.
    if (ofPipeline === undefined && this.status === 'ready') this.#gather(this.stream);
    return super.sendCommand(...args);
  }

  #gather(stream: Redis['stream']): void {
    if (this.#gathering === stream) return;
    this.#gathering = stream;
    stream.cork();
    setImmediate(() => {
      if (this.#gathering === stream) this.#gathering = undefined;
      stream.uncork();
    });
  }

  override disconnect(reconnect = false): void {
    // There is no socket whose end could be waited for, which is what `wait` says.
    if (!reconnect && this.status === 'reconnecting') this.status = 'wait';
    super.disconnect(reconnect);
  }

  /** BullMQ's blocking reads are a duplicate each; ioredis would make it a plain one. */
  override readonly duplicate = ((options: Options = {}): PatientRedis =>
    new PatientRedis({ ...(this.options as Options), ...options })) as Redis['duplicate'];
}
