import { messageOf } from '../shared/errors/courierError.ts';
import type { Logger } from '../shared/observability/logger.ts';
import type { AuditLog } from '../shared/store/auditLog.ts';

const EVERY_MS = 60_000;

/** Has the audit log swept now and then, for as long as the process runs. */
export function auditUpkeep(auditLog: AuditLog, log: Logger) {
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();
  const sweep = async () => {
    try {
      const left = await auditLog.sweep();
      if (left > 0) log.warn({ left }, 'actions that never ended are audited as UNKNOWN');
    } catch (error) {
      log.warn({ reason: messageOf(error) }, 'the audit log was not swept');
    }
  };
  return {
    start(): void {
      running = sweep();
      timer = setInterval(() => {
        running = sweep();
      }, EVERY_MS);
    },
    async stop(): Promise<void> {
      clearInterval(timer);
      await running;
    },
  };
}
