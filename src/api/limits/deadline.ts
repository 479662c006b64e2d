import { GraphQLError } from 'graphql';
import type { TopLevelCode } from '../topLevelCodes.ts';

/**
 * The result of an operation, once `finish` has looked at it, or an error when it takes too long,
 * whatever it waits for. A mutation that was begun goes on, so that it is not known what became of
 * it.
 */
export function inTime<T>(
  work: PromiseLike<T>,
  timeoutMs: number,
  finish: (result: T) => T,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(timedOut(timeoutMs)), timeoutMs);
    const fail = (error: unknown) => {
      clearTimeout(timer);
      reject(error);
    };
    work.then((result) => {
      try {
        resolve(finish(result));
        clearTimeout(timer);
      } catch (error) {
        fail(error);
      }
    }, fail);
  });
}

function timedOut(timeoutMs: number): GraphQLError {
  const code: TopLevelCode = 'REQUEST_TIMEOUT';
  return new GraphQLError(`The operation took longer than ${timeoutMs} ms.`, {
    extensions: {
      code,
      remedy:
        'Whether a mutation was done is not known: send it again with the same idempotency key, which makes that safe. Ask a query for less.',
      http: { status: 504 },
    },
  });
}
