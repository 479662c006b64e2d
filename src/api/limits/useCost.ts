import { GraphQLError } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import type { OperationCheck } from '../operations.ts';
import type { ServerContext } from '../requestFacts.ts';
import type { TopLevelCode } from '../topLevelCodes.ts';
import type { CallerBuckets } from './callerBuckets.ts';
import { operationCost } from './operationCost.ts';

export interface CostOptions {
  /** The most points of one operation. */
  readonly maximum: number;
  readonly buckets: CallerBuckets;
}

/** Holds operations to the most that one may cost, and callers to what they may spend. */
export function costCheck({ maximum, buckets }: CostOptions): OperationCheck {
  return ({ schema, document, operationName, variableValues, contextValue }) => {
    const cost = operationCost(schema, document, operationName, variableValues ?? {});
    contextValue.facts.cost = cost;
    if (cost > maximum) throw tooCostly(cost, maximum);
    const waitMs = buckets.take(contextValue.caller, cost);
    // Mostly it is known at once; a promise for each request would cost something.
    if (typeof waitMs === 'number') return refuse(waitMs);
    return waitMs.then(refuse);
  };
}

/** Tells in the `extensions` of every answer what it cost, and what its caller may still spend. */
export function useCost({ maximum, buckets }: CostOptions): Plugin<object, ServerContext> {
  return {
    onResultProcess(answer) {
      const { result } = answer;
      const { caller, facts } = answer.serverContext;
      if (caller === undefined || Array.isArray(result) || Symbol.asyncIterator in result) return;
      const cost = {
        requested: Math.ceil(facts?.cost ?? 0),
        maximum,
        throttleStatus: buckets.settings.perSecond === 0 ? null : buckets.status(caller),
      };
      answer.setResult({ ...result, extensions: { ...result.extensions, cost } });
    },
  };
}

function refuse(waitMs: number): void {
  if (waitMs > 0) throw rateLimited(waitMs);
}

function tooCostly(cost: number, maximum: number): GraphQLError {
  const code: TopLevelCode = 'COST_TOO_HIGH';
  return new GraphQLError(
    `The operation costs ${Math.ceil(cost)} points, and one may cost ${maximum}.`,
    {
      extensions: { code, remedy: 'Ask for smaller pages or fewer fields, in several operations.' },
    },
  );
}

function rateLimited(waitMs: number): GraphQLError {
  const code: TopLevelCode = 'RATE_LIMITED';
  const seconds = Math.ceil(waitMs / 1000);
  return new GraphQLError('This caller has spent its points for now.', {
    extensions: {
      code,
      remedy: `Send it again in ${seconds} s. extensions.cost tells what is left.`,
      http: { status: 429, headers: { 'retry-after': String(seconds) } },
    },
  });
}
