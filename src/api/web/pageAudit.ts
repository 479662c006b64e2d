import { randomUUID } from 'node:crypto';
import { type AuditSurroundings, RequestAudit } from '../audit.ts';
import { callerAddress } from '../requestOrigin.ts';
import type { WebPagesOptions } from './webPages.ts';

/** The audit of what is done from a page: by whom, and from where. */
export function pageAudit(
  surroundings: Omit<AuditSurroundings, 'author'>,
  trustedHops: number,
): WebPagesOptions['audit'] {
  return ({ actor, role, source }, { headers }, connected) => {
    const address = callerAddress(connected, headers.get('x-forwarded-for'), trustedHops);
    const userAgent = headers.get('user-agent')?.slice(0, 200);
    const author = { actor, role, source, address, userAgent, requestId: randomUUID() };
    return new RequestAudit({ ...surroundings, author });
  };
}
