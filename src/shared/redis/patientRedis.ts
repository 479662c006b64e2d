import { Redis, type RedisOptions } from 'ioredis';
import { replyCode } from './redirection.ts';

type Options = Omit<RedisOptions, 'replyMapping'>;

/**
 * How many commands of one turn travel together. Each by itself costs a system call on both sides;
 * many let Redis wait for the first one until this process has made the last.
 */
const TOGETHER = 8;
/** How long a client stays at least with a replica that it was led to once more. */
const LEAST_STAY_MS = 1000;

/**
 * A client of a single Redis whose commands of one turn of the event loop travel together, a few at
 * a time, and are answered each by itself. ioredis's own `enableAutoPipelining` makes a pipeline of
 * them, where the first answer waits for the last one: Redis and this process would take turns
 * instead of working at the same time.
 *
 * A primary that was made a replica keeps its connections, answers PINGs and refuses what writes.
 * The client connects anew then, since the name may lead to the new primary by now.
 *
 * When it is let go it ends, also while it waits to reconnect. ioredis would cancel the attempt,
 * keep its commands, and never say `end`, for which BullMQ's `Worker.close()` waits.
 */
export class PatientRedis extends Redis {
  /** The socket that holds back what is written to it, until the end of this turn at most. */
  #holding: Redis['stream'] | undefined;
  #held = 0;
  /** When it last left a replica, on the process's own clock. */
  #leftAt = Number.NEGATIVE_INFINITY;

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

  override handleReconnection(...args: Parameters<Redis['handleReconnection']>): void {
    super.handleReconnection(...args);
    const [error] = args;
    const now = performance.now();
    if (replyCode(error) !== 'READONLY' || now - this.#leftAt < LEAST_STAY_MS) return;
    this.#leftAt = now;
    this.disconnect(true);
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
