import { Redis, type RedisOptions } from 'ioredis';

type Options = Omit<RedisOptions, 'replyMapping'>;

/**
 * How many commands of one turn travel together. Each by itself costs a system call on both sides;
 * many let Redis wait for the first one until this process has made the last.
 */
const TOGETHER = 8;

/**
 * A client of a single Redis whose commands of one turn of the event loop travel together, a few at
 * a time, and are answered each by itself. ioredis's own `enableAutoPipelining` makes a pipeline of
 * them, where the first answer waits for the last one: Redis and this process would take turns
 * instead of working at the same time.
 *
 * When it is let go it ends, also while it waits to reconnect. ioredis would cancel the attempt,
 * keep its commands, and never say `end`, for which BullMQ's `Worker.close()` waits.
 */
export class PatientRedis extends Redis {
  /** The socket that holds back what is written to it, until the end of this turn at most. */
  #holding: Redis['stream'] | undefined;
  #held = 0;

  override sendCommand(...args: Parameters<Redis['sendCommand']>): unknown {
    const [, ofPipeline] = args;
    // What a pipeline has goes to its own buffer.
    if (ofPipeline === undefined && this.status === 'ready') this.#hold(this.stream);
    return super.sendCommand(...args);
  }

  /** Holds back the next command; lets go of those before it where they are enough. */
  #hold(stream: Redis['stream']): void {
    if (this.#holding !== stream) {
      this.#holding = stream;
      this.#held = 1;
      stream.cork();
      setImmediate(() => {
        if (this.#holding === stream) this.#holding = undefined;
        stream.uncork();
      });
    } else if (this.#held < TOGETHER) {
      this.#held += 1;
    } else {
      this.#held = 1;
      stream.uncork();
      stream.cork();
    }
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
