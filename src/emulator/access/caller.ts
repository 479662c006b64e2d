import type { Account, CognitoPrincipal } from '../contract.ts';
import { AwsError } from '../http/awsError.ts';
import type { Exchange } from '../http/exchange.ts';
import type { PolicyAuthorizer } from '../policy/authorizer.ts';
import { type VerifierOptions, verifyRequest } from '../sigv4/verify.ts';

/** Who called, its signature verified; undefined is the account's administrator. */
export type VerifiedCaller = CognitoPrincipal | undefined;

/** How one service refuses a caller: JSON 1.1 services with 400, REST-JSON ones with 403. */
export interface CallerGate {
  readonly verifier: VerifierOptions;
  readonly refusalStatus: 400 | 403;
  readonly account: Account;
  readonly authorizer: PolicyAuthorizer;
}

/**
 * Verifies a request's signature and asks IAM whether its caller may do `action` on `resource`.
 * The administrator may do anything, an identity what its role's policy allows.
 * Throws the exception that AWS's front ends have for each flaw.
 */
export function admitCaller(
  gate: CallerGate,
  exchange: Exchange,
  action: string,
  resource: string,
): void {
  const caller = verifyCaller(gate, exchange);
  if (caller === undefined) return;
  const facts = gate.authorizer.factsFor(caller, { 'aws:SourceIp': exchange.sourceIp });
  const decision = gate.authorizer.decideByRole(caller, action, resource, facts);
  if (decision === 'ALLOWED') return;
  const reason =
    decision === 'EXPLICIT_DENY'
      ? 'with an explicit deny in an identity-based policy'
      : `because no identity-based policy allows the ${action} action`;
  const roleName = caller.roleArn.split('/').at(-1) ?? '';
  throw new AwsError(
    'AccessDeniedException',
    `User: arn:aws:sts::${gate.account.accountId}:assumed-role/${roleName}/CognitoIdentityCredentials is not authorized to perform: ${action} on resource: ${resource} ${reason}`,
    gate.refusalStatus,
  );
}

function verifyCaller(gate: CallerGate, exchange: Exchange): VerifiedCaller {
  const verification = verifyRequest(exchange, 'header', gate.verifier);
  if (verification.ok) {
    const { caller } = verification;
    return caller.kind === 'cognito' ? caller.credentials.principal : undefined;
  }
  const refuse = (name: string): AwsError =>
    new AwsError(name, verification.message, gate.refusalStatus);
  switch (verification.fault) {
    case 'MISSING':
      throw refuse('MissingAuthenticationTokenException');
    case 'UNKNOWN_KEY':
    case 'TOKEN':
      throw refuse('UnrecognizedClientException');
    case 'EXPIRED':
      throw refuse('ExpiredTokenException');
    case 'MALFORMED':
    case 'SCOPE':
    case 'CLOCK_SKEW':
    case 'MISMATCH':
      throw refuse('InvalidSignatureException');
    default:
      return verification.fault satisfies never;
  }
}
