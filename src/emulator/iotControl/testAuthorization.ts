import type { RequestContext } from '../contract.ts';
import { isRecord } from '../http/input.ts';
import { evaluatePolicy, missingVariables, type PolicyAnswer } from '../policy/compiled.ts';
import type { Facts } from '../policy/context.ts';
import { iotError } from './errors.ts';
import type { IotPolicy, PolicyStore } from './policies.ts';

const ACTIONS: Readonly<Record<string, string>> = {
  CONNECT: 'iot:Connect',
  PUBLISH: 'iot:Publish',
  SUBSCRIBE: 'iot:Subscribe',
  RECEIVE: 'iot:Receive',
};

interface AuthInfo {
  readonly actionType?: string;
  readonly resources: readonly string[];
}

interface PolicyName {
  readonly policyName: string;
  readonly policyArn: string;
}

/** One entry of `authResults`, in the shape of the API. */
export interface AuthResult {
  readonly authInfo: AuthInfo;
  readonly allowed: { readonly policies: readonly PolicyName[] };
  readonly denied: {
    readonly implicitDeny: { readonly policies: readonly PolicyName[] };
    readonly explicitDeny: { readonly policies: readonly PolicyName[] };
  };
  readonly authDecision: PolicyAnswer;
  readonly missingContextValues: readonly string[];
}

/** Reads `authInfos`: 1 to 10, each with a known action and at least one ARN. */
export function readAuthInfos(value: unknown): readonly AuthInfo[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > 10) {
    throw iotError.invalidRequest('authInfos must hold 1 to 10 entries');
  }
  return value.map((entry: unknown) => {
    if (!isRecord(entry)) throw iotError.invalidRequest('authInfos must hold objects');
    const actionType = entry['actionType'];
    const resources: unknown = entry['resources'];
    if (actionType !== undefined && typeof actionType !== 'string') {
      throw iotError.invalidRequest('actionType must be a string');
    }
    if (actionType !== undefined && !Object.hasOwn(ACTIONS, actionType)) {
      throw iotError.invalidRequest(`actionType must be one of ${Object.keys(ACTIONS).join(', ')}`);
    }
    if (!Array.isArray(resources) || resources.length === 0) {
      throw iotError.invalidRequest('resources must hold at least one ARN');
    }
    const arns = resources.map((resource: unknown) => {
      if (typeof resource === 'string' && resource.startsWith('arn:')) return resource;
      throw iotError.invalidRequest('resources must hold ARNs');
    });
    return { ...(actionType === undefined ? {} : { actionType }), resources: arns };
  });
}

/**
 * Evaluates the IoT policies as they stand now, whether propagated or not, and what `byRole` says
 * beside them.
 */
export function testAuthorization(
  info: AuthInfo,
  policies: readonly IotPolicy[],
  store: PolicyStore,
  facts: Facts,
  byRole: (action: string, resource: string) => PolicyAnswer,
): AuthResult {
  const action = ACTIONS[info.actionType ?? ''] ?? 'iot:*';
  const outcomes = policies.map((policy) => {
    const { compiled } = store.defaultVersion(policy);
    const answers = info.resources.map((arn) => evaluatePolicy(compiled, action, arn, facts));
    return { policy, answers, missing: missingVariables(compiled, facts) };
  });
  const decisions = info.resources.map((resource, index) => {
    const role = byRole(action, resource);
    const byIot = combine(outcomes.map((outcome) => outcome.answers[index] ?? 'IMPLICIT_DENY'));
    return role === 'ALLOWED' || byIot === 'EXPLICIT_DENY' ? byIot : role;
  });
  const decision: PolicyAnswer = decisions.includes('EXPLICIT_DENY')
    ? 'EXPLICIT_DENY'
    : decisions.every((answer) => answer === 'ALLOWED')
      ? 'ALLOWED'
      : 'IMPLICIT_DENY';
  const named = (wanted: PolicyAnswer): readonly PolicyName[] =>
    outcomes
      .filter(({ answers }) => combine(answers) === wanted)
      .map(({ policy }) => ({ policyName: policy.name, policyArn: policy.arn }));
  return {
    authInfo: info,
    allowed: { policies: named('ALLOWED') },
    denied: {
      implicitDeny: { policies: decision === 'IMPLICIT_DENY' ? named('IMPLICIT_DENY') : [] },
      explicitDeny: { policies: named('EXPLICIT_DENY') },
    },
    authDecision: decision,
    missingContextValues: [...new Set(outcomes.flatMap(({ missing }) => missing))],
  };
}

function combine(answers: readonly PolicyAnswer[]): PolicyAnswer {
  if (answers.includes('EXPLICIT_DENY')) return 'EXPLICIT_DENY';
  return answers.includes('ALLOWED') ? 'ALLOWED' : 'IMPLICIT_DENY';
}

/** What the request itself tells the policies: the client id from the query, where given. */
export function testContext(query: URLSearchParams): RequestContext {
  const clientId = query.get('clientId');
  return clientId === null ? {} : { 'iot:ClientId': clientId };
}
