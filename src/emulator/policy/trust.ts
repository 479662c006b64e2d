import type { RequestContext } from '../contract.ts';
import { compilePolicy, evaluatePolicy } from './compiled.ts';
import { factsOf } from './context.ts';
import type { PolicyDocument } from './document.ts';

/** Whether a role's trust policy lets Cognito's identity pools assume it with a web identity. */
export function trustAllows(trust: PolicyDocument, context: RequestContext): boolean {
  const forCognito = trust.statements.filter((entry) => isCognito(entry.principal));
  const answer = evaluatePolicy(
    compilePolicy({ version: trust.version, statements: forCognito }),
    'sts:AssumeRoleWithWebIdentity',
    undefined,
    factsOf(context, () => undefined),
  );
  return answer === 'ALLOWED';
}

function isCognito(principal: unknown): boolean {
  if (principal === '*') return true;
  if (typeof principal !== 'object' || principal === null) return false;
  const federated: unknown = 'Federated' in principal ? principal.Federated : undefined;
  const names: readonly unknown[] = Array.isArray(federated) ? federated : [federated];
  return names.includes('cognito-identity.amazonaws.com') || names.includes('*');
}
