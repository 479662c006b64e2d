import type { RequestContext } from '../contract.ts';

/** Everything that conditions and policy variables of one request can see. */
export interface Facts {
  /** Undefined where the request has no such key; keys are matched without regard to case. */
  get(key: string): string | readonly string[] | undefined;
}

/** The request's own values before what is known of its principal and of the time. */
export function factsOf(
  request: RequestContext,
  known: (lowerKey: string) => string | readonly string[] | undefined,
): Facts {
  let lowered: Map<string, string | readonly string[]> | undefined;
  return {
    get: (key) => {
      const exact = request[key];
      if (exact !== undefined) return exact;
      const lowerKey = key.toLowerCase();
      lowered ??= new Map(
        Object.entries(request).map(([name, value]) => [name.toLowerCase(), value]),
      );
      return lowered.get(lowerKey) ?? known(lowerKey);
    },
  };
}

/** A policy variable stands for a key with one value. */
export function resolverOf(facts: Facts): (variable: string) => string | undefined {
  return (variable) => {
    const value = facts.get(variable);
    if (typeof value === 'string') return value;
    return value?.length === 1 ? value[0] : undefined;
  };
}
