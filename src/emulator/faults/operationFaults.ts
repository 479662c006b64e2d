import { setTimeout as wait } from 'node:timers/promises';
import { AwsError } from '../http/awsError.ts';
import {
  type BeforeOperation,
  HangUp,
  IOT_ERRORS,
  type ServiceErrors,
} from '../http/operationFaults.ts';
import type { FaultRegistry } from './registry.ts';

/** Holds up HTTP operations, all of them for a while or single ones by a fault. */
export class OperationFaults {
  readonly #registry: FaultRegistry;
  readonly #stopped: AbortSignal;
  #thaw: Promise<void> | undefined;

  /** `stopped` ends every wait, so that the emulator can stop. */
  constructor(registry: FaultRegistry, stopped: AbortSignal) {
    this.#registry = registry;
    this.#stopped = stopped;
  }

  /** Answers nothing for that long; requests wait. */
  freeze(durationMs: number): void {
    const thaw = this.#wait(durationMs).finally(() => {
      if (this.#thaw === thaw) this.#thaw = undefined;
    });
    // Whoever waits for it sees the rejection; nobody waiting is no fault.
    thaw.catch(() => {});
    this.#thaw = thaw;
  }

  readonly before: BeforeOperation = (operation, exchange, errors) =>
    this.#strike(operation, () => `${exchange.rawPath} ${exchange.body.toString('utf8')}`, errors);

  /** The HTTPS data plane, whose requests all count as the operation `DataPlane`. */
  readonly beforeDataPlane = (url: string, body: Buffer): Promise<void> =>
    this.#strike('DataPlane', () => `${url} ${body.toString('utf8')}`, IOT_ERRORS);

  async #strike(operation: string, text: () => string, errors: ServiceErrors): Promise<void> {
    await this.#thaw;
    if (!this.#registry.armed) return;
    const rule = this.#registry.strike({ operation, text });
    if (rule === undefined) return;
    switch (rule.effect) {
      case 'delay':
        await this.#wait(rule.delayMs);
        return;
      case 'throttle':
        throw errors.throttled();
      case 'error':
        throw errors.internal();
      case 'refuse':
        throw new AwsError(rule.errorName, rule.message, rule.status);
      case 'swallow':
        await this.#untilStopped();
        return;
      case 'drop':
        throw new HangUp();
      default:
        rule.effect satisfies never;
    }
  }

  async #wait(durationMs: number): Promise<void> {
    try {
      await wait(durationMs, undefined, { signal: this.#stopped });
    } catch {
      throw new HangUp();
    }
  }

  #untilStopped(): Promise<never> {
    return new Promise((_resolve, reject) => {
      const hangUp = (): void => reject(new HangUp());
      if (this.#stopped.aborted) hangUp();
      else this.#stopped.addEventListener('abort', hangUp, { once: true });
    });
  }
}
