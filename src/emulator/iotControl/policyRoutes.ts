import type { Exchange } from '../http/exchange.ts';
import type { RestRoute } from '../http/restProtocol.ts';
import { InputReader, parseInput } from '../http/input.ts';
import type { PolicyAuthorizer } from '../policy/authorizer.ts';
import type { PolicyAnswer } from '../policy/compiled.ts';
import type { CognitoPrincipal } from '../contract.ts';
import type { Attachments } from './attachments.ts';
import { iotError } from './errors.ts';
import { page } from './paging.ts';
import type { IotPolicy, PolicyStore } from './policies.ts';
import { readAuthInfos, testAuthorization, testContext } from './testAuthorization.ts';

const POLICY_NAME = /^[\w+=,.@-]+$/;
/** A Cognito identity id, a certificate's ARN or a thing group's. */
const TARGET = /^([\w-]+:[0-9a-f-]{1,64}|arn:aws[\w-]*:iot:.+)$/;

const read = new InputReader(iotError.invalidRequest);

export interface PolicyRouteParts {
  readonly policies: PolicyStore;
  readonly attachments: Attachments;
  readonly authorizer: PolicyAuthorizer;
  /** The principal that an identity id stands for in TestAuthorization. */
  readonly principalOf: (identityId: string) => CognitoPrincipal;
  /** Whether TestAuthorization asks the role's policy too. */
  readonly asksRole: boolean;
}

/** Policies and their attachments, REST-JSON, as the model of AWS IoT has them. */
export function policyRoutes(parts: PolicyRouteParts): readonly RestRoute[] {
  const { policies, attachments } = parts;
  const summary = (policy: IotPolicy) => ({ policyName: policy.name, policyArn: policy.arn });
  const attached = (target: string): readonly IotPolicy[] =>
    attachments.policiesOf(target).map((name) => policies.get(name));

  return [
    {
      operation: 'CreatePolicy',
      method: 'POST',
      path: '/policies/{policyName}',
      answer: (exchange, { policyName = '' }) => {
        checkPolicyName(policyName);
        const document = read.string(parseInput(exchange.body), 'policyDocument');
        const policy = policies.create(policyName, document);
        return {
          ...summary(policy),
          policyDocument: document,
          policyVersionId: policy.defaultVersionId,
        };
      },
    },
    {
      operation: 'GetPolicy',
      method: 'GET',
      path: '/policies/{policyName}',
      answer: (_exchange, { policyName = '' }) => {
        const policy = policies.get(policyName);
        return {
          ...summary(policy),
          policyDocument: policies.defaultVersion(policy).document,
          defaultVersionId: policy.defaultVersionId,
          creationDate: policy.createdAtMs / 1000,
          lastModifiedDate: policy.modifiedAtMs / 1000,
          generationId: policy.generationId,
        };
      },
    },
    {
      operation: 'AttachPolicy',
      method: 'PUT',
      path: '/target-policies/{policyName}',
      resource: targetOf,
      answer: (exchange, { policyName = '' }) => {
        attachments.attach(policies.get(policyName).name, targetOf(exchange));
        return {};
      },
    },
    {
      operation: 'DetachPolicy',
      method: 'POST',
      path: '/target-policies/{policyName}',
      resource: targetOf,
      answer: (exchange, { policyName = '' }) => {
        attachments.detach(policyName, targetOf(exchange));
        return {};
      },
    },
    {
      operation: 'ListAttachedPolicies',
      method: 'POST',
      path: '/attached-policies/{target}',
      resource: (_exchange, { target = '' }) => target,
      answer: (exchange, { target = '' }) => {
        const { items, next } = page(attached(readTarget(target)), exchange.query);
        return {
          policies: items.map(summary),
          ...(next === undefined ? {} : { nextMarker: next }),
        };
      },
    },
    {
      operation: 'ListTargetsForPolicy',
      method: 'POST',
      path: '/policy-targets/{policyName}',
      answer: (exchange, { policyName = '' }) => {
        const targets = attachments.targetsOf(policies.get(policyName).name);
        const { items, next } = page(targets, exchange.query);
        return { targets: items, ...(next === undefined ? {} : { nextMarker: next }) };
      },
    },
    {
      operation: 'GetEffectivePolicies',
      method: 'POST',
      path: '/effective-policies',
      answer: (exchange) => {
        const input = parseInput(exchange.body);
        const principal = read.optionalString(input, 'principal');
        if (principal === undefined) throw iotError.invalidRequest('principal is missing');
        return {
          effectivePolicies: attached(readTarget(principal)).map((policy) => ({
            ...summary(policy),
            policyDocument: policies.defaultVersion(policy).document,
          })),
        };
      },
    },
    {
      operation: 'TestAuthorization',
      method: 'POST',
      path: '/test-authorization',
      answer: (exchange) => {
        const input = parseInput(exchange.body);
        const infos = readAuthInfos(input['authInfos']);
        const identityId = readTarget(read.string(input, 'principal'));
        const skipped = read.stringList(input, 'policyNamesToSkip');
        const names = new Set([
          ...attachments.policiesOf(identityId),
          ...read.stringList(input, 'policyNamesToAdd'),
        ]);
        const tested = [...names]
          .filter((name) => !skipped.includes(name))
          .map((name) => policies.get(name));
        const principal = parts.principalOf(identityId);
        const facts = parts.authorizer.factsFor(principal, testContext(exchange.query));
        const byRole = (action: string, resource: string): PolicyAnswer =>
          parts.asksRole
            ? parts.authorizer.decideByRole(principal, action, resource, facts)
            : 'ALLOWED';
        return {
          authResults: infos.map((info) =>
            testAuthorization(info, tested, policies, facts, byRole),
          ),
        };
      },
    },
  ];
}

function checkPolicyName(name: string): void {
  if (name.length > 128 || !POLICY_NAME.test(name)) {
    throw iotError.invalidRequest('policyName must be 1 to 128 characters of [\\w+=,.@-]');
  }
}

/** AWS asks IAM about the target of an attachment, which for an identity is its bare id. */
function targetOf(exchange: Exchange): string {
  return readTarget(read.string(parseInput(exchange.body), 'target'));
}

function readTarget(target: string): string {
  if (!TARGET.test(target)) {
    throw iotError.invalidRequest(
      'The target must be an Amazon Cognito identity id, a certificate ARN or a thing group ARN',
    );
  }
  return target;
}
