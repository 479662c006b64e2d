import { admitCaller, type CallerGate } from '../access/caller.ts';
import type { Account } from '../contract.ts';
import type { Answer, Exchange } from '../http/exchange.ts';
import { type BeforeOperation, IOT_ERRORS } from '../http/operationFaults.ts';
import { matchRoute, restAnswer, type RestRoute } from '../http/restProtocol.ts';
import type { Quotas } from '../world/quotas.ts';
import { iotError } from './errors.ts';

export interface IotResponderParts {
  readonly gate: CallerGate;
  readonly routes: readonly RestRoute[];
  readonly before: BeforeOperation;
  readonly quotas: Quotas;
}

/** A control-plane request's answer; undefined where no operation has this method and path. */
export type IotResponder = (exchange: Exchange) => Promise<Answer> | undefined;

export function createIotResponder(parts: IotResponderParts): IotResponder {
  return (exchange) => {
    const match = matchRoute(parts.routes, exchange);
    if (match === undefined) return undefined;
    const { route, values } = match;
    const run = async (): Promise<Answer> => {
      await parts.before(route.operation, exchange, IOT_ERRORS);
      const resource = route.resource?.(exchange, values) ?? resourceOf(parts.gate.account, values);
      admitCaller(parts.gate, exchange, `iot:${route.operation}`, resource);
      if (!parts.quotas.tryTake(route.operation)) throw iotError.throttled();
      return restAnswer(await route.answer(exchange, values));
    };
    return run();
  };
}

/** The ARN that IAM is asked about: the policy or thing in the path, else `*`. */
function resourceOf(account: Account, values: Readonly<Record<string, string>>): string {
  const base = `arn:aws:iot:${account.region}:${account.accountId}`;
  if (values['policyName'] !== undefined) return `${base}:policy/${values['policyName']}`;
  if (values['thingName'] !== undefined) return `${base}:thing/${values['thingName']}`;
  return '*';
}
