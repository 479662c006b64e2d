import type { CourierError } from '../shared/errors/courierError.ts';
import type { MutationIntent } from './audit.ts';
import type { ApiContext } from './context.ts';

/** Leaves the entry of a mutation that its caller may not do. @throws what it is refused for. */
export async function auditRefusal(
  refusal: CourierError,
  context: ApiContext,
  tried: MutationIntent,
): Promise<never> {
  // Where the log cannot be written, the answer is the same.
  await context.audit.run(tried, () => Promise.reject(refusal)).catch(() => undefined);
  throw refusal;
}
