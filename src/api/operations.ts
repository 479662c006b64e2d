import { type ExecutionArgs, type ExecutionResult, getOperationAST } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import type { ApiContext } from './context.ts';
import { inTime } from './limits/deadline.ts';
import type { ServerContext } from './requestFacts.ts';
import { discreet } from './variableErrors.ts';

/** An operation that is about to begin. */
export type OperationArgs = Omit<ExecutionArgs, 'contextValue'> & {
  readonly contextValue: ApiContext;
};

/** Looks at an operation before it begins, and throws what it is refused for. */
export type OperationCheck = (args: OperationArgs) => void | Promise<void>;

export interface OperationOptions {
  /** Makes the context of a request. */
  readonly contextOf: (server: ServerContext & { readonly request: Request }) => ApiContext;
  /** One after the other; nothing is checked behind the first one that throws. */
  readonly checks: readonly OperationCheck[];
  /** How long queries and mutations may take; subscriptions take as long as they like. */
  readonly timeoutMs: number;
}

/**
 * Gives each operation its context, checks it, and answers it in time. All of it in one hook: the
 * way through each costs every request something. The context is not made by Yoga's own option,
 * which copies what it is given into an object of its own.
 */
export function useOperations(options: OperationOptions): Plugin<object, ServerContext> {
  const { contextOf, checks, timeoutMs } = options;
  const begin = (given: ExecutionArgs): OperationArgs => {
    const server = given.contextValue as ServerContext & { readonly request: Request };
    const contextValue = contextOf(server);
    given.contextValue = contextValue;
    const operation = getOperationAST(given.document, given.operationName)?.operation;
    if (operation !== undefined) contextValue.facts.operation = operation;
    return given as OperationArgs;
  };
  return {
    onExecute({ args, executeFn, setExecuteFn }) {
      const own = begin(args);
      setExecuteFn((given) => {
        // What is executed gets the context that Yoga made, whatever plugins put into `args`.
        const result = executeFn({ ...given, contextValue: own.contextValue }) as
          | ExecutionResult
          | PromiseLike<ExecutionResult>;
        if (!isPromise(result)) return discreet(result, own);
        return inTime(result, timeoutMs, (done) => discreet(done, own));
      });
      return checkFrom(0, checks, own);
    },
    onSubscribe: ({ args }) => checkFrom(0, checks, begin(args)),
    onResultProcess({ result, serverContext }) {
      const { facts } = serverContext;
      // A subscription has only begun.
      if (facts === undefined || Symbol.asyncIterator in result) return;
      facts.answered = true;
      facts.endWork?.();
    },
  };
}

function isPromise<T>(result: T | PromiseLike<T>): result is PromiseLike<T> {
  return typeof result === 'object' && result !== null && 'then' in result;
}

/** A promise only where a check is one. */
function checkFrom(
  first: number,
  checks: readonly OperationCheck[],
  args: OperationArgs,
): void | Promise<void> {
  for (let at = first; at < checks.length; at += 1) {
    const pending = checks[at]?.(args);
    if (pending instanceof Promise) return pending.then(() => checkFrom(at + 1, checks, args));
  }
}
