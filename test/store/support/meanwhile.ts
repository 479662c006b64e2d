/**
 * A client through which something else is done once, before its call of that number: what comes
 * between any two steps of whoever uses it. `done` tells whether it came to that.
 */
export function meanwhile<T extends object>(
  client: T,
  before: number,
  what: () => Promise<unknown>,
): { readonly client: T; readonly done: () => boolean } {
  let calls = 0;
  const proxy = new Proxy(client, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      return async (...args: unknown[]) => {
        const number = calls;
        calls += 1;
        if (number === before) await what();
        return (await Reflect.apply(value, target, args)) as unknown;
      };
    },
  });
  return { client: proxy, done: () => calls > before };
}

/** Does it with something else before its first call, its second one, and so on, to its end. */
export async function meanwhileEverywhere(
  once: (before: number) => Promise<boolean>,
): Promise<number> {
  let before = 0;
  while (await once(before)) before += 1;
  return before;
}
