import { Worker } from 'bullmq';

/** How long a worker waits that Redis gave no job because it takes no writes. */
const PAUSE_MS = 1000;

/**
 * BullMQ's worker, which asks for the next job at once where Redis refused to give one: while Redis
 * is full, or a replica, each would keep itself and Redis busy with nothing else, and write an error
 * for every time it asks. This one waits a while in between.
 */
export class PatientWorker extends Worker {
  protected override async moveToActive(
    ...args: Parameters<Worker['moveToActive']>
  ): ReturnType<Worker['moveToActive']> {
    try {
      return await super.moveToActive(...args);
    } catch (error) {
      if (this.closing === undefined) await this.delay(PAUSE_MS);
      throw error;
    }
  }
}
