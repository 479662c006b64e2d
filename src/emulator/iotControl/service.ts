import type { Account } from '../contract.ts';
import type { Answer, Exchange } from '../http/exchange.ts';
import { matchRoute, restAnswer, type RestRoute } from '../http/restProtocol.ts';
import type { PolicyAuthorizer } from '../policy/authorizer.ts';
import type { VerifierOptions } from '../sigv4/verify.ts';
import type { Quotas } from '../world/quotas.ts';
import { authorizeCaller, verifyCaller } from './caller.ts';
import { iotError } from './errors.ts';

export interface IotControlParts {
  readonly account: Account;
  readonly routes: readonly RestRoute[];
  readonly verifier: VerifierOptions;
  readonly authorizer: PolicyAuthorizer;
  readonly quotas: Quotas;
}

/** A control-plane request's answer; undefined where no operation has this method and path. */
export type IotControl = (exchange: Exchange) => Promise<Answer> | undefined;

export function createIotControl(parts: IotControlParts): IotControl {
  return (exchange) => {
    const match = matchRoute(parts.routes, exchange);
    if (match === undefined) return undefined;
    const { route, values } = match;
    const run = async (): Promise<Answer> => {
      const caller = verifyCaller(exchange, parts.verifier);
      const resource = resourceOf(parts.account, values);
      const action = `iot:${route.operation}`;
      authorizeCaller(caller, action, resource, exchange, parts.account, parts.authorizer);
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
