import type {
  Authorizer,
  CognitoPrincipal,
  Decision,
  IotAction,
  RequestContext,
} from '../contract.ts';
import { type CompiledPolicy, evaluatePolicy, type PolicyAnswer } from './compiled.ts';
import { type Facts, factsOf } from './context.ts';
import type { PoliciesInForce } from './policiesInForce.ts';
import type { Propagation } from './propagation.ts';

const ALLOWED: Decision = { allowed: true };

/** What policy variables and condition keys can know of a principal beside the request's own. */
export type PrincipalFacts = (
  principal: CognitoPrincipal,
  request: RequestContext,
) => (lowerKey: string) => string | readonly string[] | undefined;

export interface AuthorizerParts {
  /** Compiled role policies by role ARN. */
  readonly rolePolicies: ReadonlyMap<string, readonly CompiledPolicy[]>;
  readonly inForce: PoliciesInForce;
  readonly propagation: Propagation;
  readonly principalFacts: PrincipalFacts;
}

/** For an authenticated Cognito identity, its role's policy and its IoT policies must both allow. */
export class PolicyAuthorizer implements Authorizer {
  readonly #parts: AuthorizerParts;

  constructor(parts: AuthorizerParts) {
    this.#parts = parts;
  }

  get generation(): number {
    return this.#parts.propagation.settle();
  }

  decide(
    principal: CognitoPrincipal,
    action: IotAction,
    resource: string,
    context: RequestContext,
  ): Decision {
    this.#parts.propagation.settle();
    const facts = this.factsFor(principal, context);
    const byRole = this.decideByRole(principal, action, resource, facts);
    if (byRole !== 'ALLOWED') {
      return { allowed: false, gate: 'IAM_ROLE_POLICY', explicit: byRole === 'EXPLICIT_DENY' };
    }
    const policies = this.#parts.inForce.of(principal.identityId);
    const byIot = evaluateAll(policies, action, resource, facts);
    if (byIot !== 'ALLOWED') {
      return { allowed: false, gate: 'IOT_POLICY', explicit: byIot === 'EXPLICIT_DENY' };
    }
    return ALLOWED;
  }

  /** The role's policy alone, which is all that the control plane asks. */
  decideByRole(
    principal: CognitoPrincipal,
    action: string,
    resource: string,
    facts: Facts,
  ): PolicyAnswer {
    const policies = this.#parts.rolePolicies.get(principal.roleArn) ?? [];
    return evaluateAll(policies, action, resource, facts);
  }

  factsFor(principal: CognitoPrincipal, context: RequestContext): Facts {
    return factsOf(context, this.#parts.principalFacts(principal, context));
  }
}

/** Explicit deny wins over every allow, across all policies. */
export function evaluateAll(
  policies: readonly CompiledPolicy[],
  action: string,
  resource: string,
  facts: Facts,
): PolicyAnswer {
  let answer: PolicyAnswer = 'IMPLICIT_DENY';
  for (const policy of policies) {
    const one = evaluatePolicy(policy, action, resource, facts);
    if (one === 'EXPLICIT_DENY') return one;
    if (one === 'ALLOWED') answer = one;
  }
  return answer;
}
