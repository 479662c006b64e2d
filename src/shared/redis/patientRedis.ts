import { Redis, type RedisOptions } from 'ioredis';

type Options = Omit<RedisOptions, 'replyMapping'>;

/**
 * A client of a single Redis that ends when it is let go, also while it waits to reconnect: ioredis
 * would cancel the attempt, keep its commands, and never say `end`, for which BullMQ's
 * `Worker.close()` waits.
 */
export class PatientRedis extends Redis {
  override disconnect(reconnect = false): void {
    // There is no socket whose end could be waited for, which is what `wait` says.
    if (!reconnect && this.status === 'reconnecting') this.status = 'wait';
    super.disconnect(reconnect);
  }

  /** BullMQ's blocking reads are a duplicate each; ioredis would make it a plain one. */
  override readonly duplicate = ((options: Options = {}): PatientRedis =>
    new PatientRedis({ ...(this.options as Options), ...options })) as Redis['duplicate'];
}
