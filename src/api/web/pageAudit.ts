import { randomUUID } from 'node:crypto';
import { type AuditSurroundings, RequestAudit } from '../audit.ts';
import type { WebPagesOptions } from './webPages.ts';

/** The audit of what is done from a page: by whom, and from where. */
export function pageAudit(
  surroundings: Omit<AuditSurroundings, 'author'>,
): WebPagesOptions['audit'] {
  return ({ actor, role, source }, { headers }, address) => {
    const userAgent = headers.get('user-agent')?.slice(0, 200);
    const author = { actor, role, source, address, userAgent, requestId: randomUUID() };
    return new RequestAudit({ ...surroundings, author });
  };
}
