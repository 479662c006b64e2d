/** What somebody who was cut off would have gone on with. */
export class CutOff extends Error {}

/**
 * Clients of somebody who ends after so many calls to all of them: every further call is refused
 * before it is sent, and the earlier ones are the real clients' own.
 */
export class Cut {
  #left: number;

  constructor(calls: number) {
    this.#left = calls;
  }

  of<T extends object>(client: T): T {
    return new Proxy(client, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => {
          this.#left -= 1;
          if (this.#left < 0) return Promise.reject(new CutOff(`cut off before ${String(name)}`));
          return Reflect.apply(value, target, args) as unknown;
        };
      },
    });
  }
}

/** Does it cut off before its first call, its second one, and so on, until it comes to its end. */
export async function cutEverywhere(
  once: (cut: Cut, calls: number) => Promise<'cut' | 'ended'>,
): Promise<number> {
  let calls = 0;
  while ((await once(new Cut(calls), calls)) === 'cut') calls += 1;
  return calls;
}
