import { GraphQLError } from 'graphql';
import type { DocumentNode, GraphQLSchema } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import type { ApiContext } from '../context.ts';
import type { ServerContext } from '../requestFacts.ts';
import type { TopLevelCode } from '../topLevelCodes.ts';
import type { CallerBuckets } from './callerBuckets.ts';
import { operationCost } from './operationCost.ts';

export interface CostOptions {
  /** The most points of one operation. */
  readonly maximum: number;
  readonly buckets: CallerBuckets;
}

interface Arguments {
  readonly schema: GraphQLSchema;
  readonly document: DocumentNode;
  readonly operationName?: string | null | undefined;
  readonly variableValues?: Readonly<Record<string, unknown>> | null | undefined;
}

/**
 * Holds operations to the most that one may cost, and callers to what they may spend; and tells
 * both in the `extensions` of every answer.
 */
export function useCost({ maximum, buckets }: CostOptions): Plugin<ApiContext, ServerContext> {
  const charge = (args: Arguments, context: ApiContext): void | Promise<void> => {
    const { schema, document, operationName, variableValues } = args;
    const cost = operationCost(schema, document, operationName, variableValues ?? {});
    context.facts.cost = cost;
    if (cost > maximum) throw tooCostly(cost, maximum);
    const waitMs = buckets.take(context.caller, cost);
    // Mostly it is known at once; a promise for each request would cost something.
    if (typeof waitMs === 'number') return refuse(waitMs);
    return waitMs.then(refuse);
  };
  return {
    onExecute: ({ args }) => charge(args, args.contextValue),
    onSubscribe: ({ args }) => charge(args, args.contextValue),
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
