import type { Exchange } from '../http/exchange.ts';
import { verifyRequest, type VerifierOptions } from '../sigv4/verify.ts';
import type { PolicyAuthorizer } from '../policy/authorizer.ts';
import type { Account, CognitoPrincipal } from '../contract.ts';
import { iotError } from './errors.ts';

/** Who called, its signature verified; undefined is the account's administrator. */
export type ControlCaller = CognitoPrincipal | undefined;

/** Throws the exception (403) that AWS's front end has for each flaw of a signature. */
export function verifyCaller(exchange: Exchange, options: VerifierOptions): ControlCaller {
  const verification = verifyRequest(exchange, 'header', options);
  if (verification.ok) {
    const { caller } = verification;
    return caller.kind === 'cognito' ? caller.credentials.principal : undefined;
  }
  switch (verification.fault) {
    case 'MISSING':
      throw iotError.missingToken();
    case 'UNKNOWN_KEY':
    case 'TOKEN':
      throw iotError.unknownKey(verification.message);
    case 'EXPIRED':
      throw iotError.expiredToken(verification.message);
    case 'MALFORMED':
    case 'SCOPE':
    case 'CLOCK_SKEW':
    case 'MISMATCH':
      throw iotError.badSignature(verification.message);
    default:
      return verification.fault satisfies never;
  }
}

/** The administrator may do anything; an identity, what its role's policy allows (403 if not). */
export function authorizeCaller(
  caller: ControlCaller,
  action: string,
  resource: string,
  exchange: Exchange,
  account: Account,
  authorizer: PolicyAuthorizer,
): void {
  if (caller === undefined) return;
  const facts = authorizer.factsFor(caller, { 'aws:SourceIp': exchange.sourceIp });
  if (authorizer.decideByRole(caller, action, resource, facts) === 'ALLOWED') return;
  const roleName = caller.roleArn.split('/').at(-1) ?? '';
  throw iotError.accessDenied(
    `arn:aws:sts::${account.accountId}:assumed-role/${roleName}/CognitoIdentityCredentials`,
    action,
    resource,
  );
}
