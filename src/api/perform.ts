import { CourierError } from '../shared/errors/courierError.ts';
import type { ApiContext } from './context.ts';
import type { MutationName } from './metrics.ts';

/** Mutations on many, each row of which counts itself. */
const COUNTED_BY_ROW: ReadonlySet<MutationName> = new Set<MutationName>([
  'updateShadows',
  'registerIdentities',
  'tagIdentities',
  'untagIdentities',
  'addToGroup',
  'removeFromGroup',
  'warmUpConnections',
]);

/**
 * Runs a mutation against the stores: an outage of Redis becomes an answer, and what is refused
 * is counted by its code.
 */
export async function perform<T>(
  context: ApiContext,
  mutation: MutationName,
  work: () => Promise<T>,
): Promise<T> {
  try {
    const result = await context.gate.write(work);
    if (!COUNTED_BY_ROW.has(mutation)) context.metrics.rows.inc({ mutation, code: 'ACCEPTED' });
    return result;
  } catch (error) {
    if (error instanceof CourierError) countRefusal(context, mutation, error);
    throw error;
  }
}

export function countRefusal(context: ApiContext, mutation: string, error: CourierError): void {
  context.metrics.rows.inc({ mutation, code: error.code });
  context.facts.outcome = error.code === 'STORE_UNAVAILABLE' ? 'unavailable' : 'refused';
}
