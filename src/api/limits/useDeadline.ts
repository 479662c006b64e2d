import { GraphQLError } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import type { TopLevelCode } from '../topLevelCodes.ts';

/**
 * Answers an operation that takes too long, whatever it waits for. What was begun goes on; so that
 * it is not known what became of a mutation. Subscriptions take as long as they like.
 */
export function useDeadline(timeoutMs: number): Plugin {
  return {
    onExecute({ executeFn, setExecuteFn }) {
      setExecuteFn((args) => {
        const result: unknown = executeFn(args);
        return isPromise(result) ? inTime(result, timeoutMs) : result;
      });
    },
  };
}

function isPromise(result: unknown): result is Promise<unknown> {
  return typeof result === 'object' && result !== null && 'then' in result;
}

function inTime<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(timedOut(timeoutMs)), timeoutMs);
    work.then(
      (result) => {
        clearTimeout(timer);
        resolve(result);
      },
      (error: unknown) => {
        clearTimeout(timer);
        // Whatever it is, it is handed on as it is.
        reject(error);
      },
    );
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
