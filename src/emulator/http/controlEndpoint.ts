import { type Answer, type Exchange, jsonAnswer } from './exchange.ts';

export interface ControlRoute {
  readonly method: string;
  /** Below `/_emulator`. */
  readonly path: string;
  readonly answer: (exchange: Exchange) => unknown;
}

const PREFIX = '/_emulator';

/** The emulator's own endpoints, which no AWS service has. Undefined outside of `/_emulator`. */
export function controlEndpoint(
  routes: readonly ControlRoute[],
): (exchange: Exchange) => Promise<Answer> | undefined {
  return (exchange) => {
    if (exchange.rawPath !== PREFIX && !exchange.rawPath.startsWith(`${PREFIX}/`)) return undefined;
    const path = exchange.rawPath.slice(PREFIX.length) || '/';
    const run = async (): Promise<Answer> => {
      const route = routes.find((one) => one.path === path && one.method === exchange.method);
      if (route === undefined) {
        return jsonAnswer(404, {
          message: `${exchange.method} ${exchange.rawPath} is not one of the emulator's endpoints`,
          endpoints: routes.map((one) => `${one.method} ${PREFIX}${one.path}`),
        });
      }
      return jsonAnswer(200, await route.answer(exchange));
    };
    return run();
  };
}
