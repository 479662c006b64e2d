import { InputReader, parseInput } from '../http/input.ts';
import type { RestRoute } from '../http/restProtocol.ts';
import type { Attachments } from './attachments.ts';
import { iotError } from './errors.ts';
import { page } from './paging.ts';
import type { IotPolicy, PolicyStore, PolicyVersion } from './policies.ts';

const read = new InputReader(iotError.invalidRequest);
const VERSION = '/policies/{policyName}/version/{policyVersionId}';

/** The life of policies and their versions, REST-JSON. */
export function policyVersionRoutes(
  policies: PolicyStore,
  attachments: Attachments,
): readonly RestRoute[] {
  const describe = (policy: IotPolicy, version: PolicyVersion) => ({
    policyArn: policy.arn,
    policyDocument: version.document,
    policyVersionId: version.versionId,
    isDefaultVersion: version.versionId === policy.defaultVersionId,
  });
  return [
    {
      operation: 'ListPolicies',
      method: 'GET',
      path: '/policies',
      answer: ({ query }) => {
        const { items, next } = page(policies.all(), query);
        return {
          policies: items.map((policy) => ({ policyName: policy.name, policyArn: policy.arn })),
          ...(next === undefined ? {} : { nextMarker: next }),
        };
      },
    },
    {
      operation: 'DeletePolicy',
      method: 'DELETE',
      path: '/policies/{policyName}',
      answer: (_exchange, { policyName = '' }) => {
        policies.remove(policyName, attachments.targetsOf(policyName).length > 0);
        return {};
      },
    },
    {
      operation: 'CreatePolicyVersion',
      method: 'POST',
      path: '/policies/{policyName}/version',
      answer: (exchange, { policyName = '' }) => {
        const document = read.string(parseInput(exchange.body), 'policyDocument');
        const isDefault = exchange.query.get('setAsDefault') === 'true';
        const version = policies.addVersion(policyName, document, isDefault);
        return describe(policies.get(policyName), version);
      },
    },
    {
      operation: 'ListPolicyVersions',
      method: 'GET',
      path: '/policies/{policyName}/version',
      answer: (_exchange, { policyName = '' }) => {
        const policy = policies.get(policyName);
        return {
          policyVersions: [...policy.versions.values()].map((version) => ({
            versionId: version.versionId,
            isDefaultVersion: version.versionId === policy.defaultVersionId,
            createDate: version.createdAtMs / 1000,
          })),
        };
      },
    },
    {
      operation: 'GetPolicyVersion',
      method: 'GET',
      path: VERSION,
      answer: (_exchange, { policyName = '', policyVersionId = '' }) => {
        const policy = policies.get(policyName);
        const version = policies.version(policyName, policyVersionId);
        return {
          policyName,
          ...describe(policy, version),
          creationDate: version.createdAtMs / 1000,
          lastModifiedDate: version.createdAtMs / 1000,
          generationId: policy.generationId,
        };
      },
    },
    {
      operation: 'SetDefaultPolicyVersion',
      method: 'PATCH',
      path: VERSION,
      answer: (_exchange, { policyName = '', policyVersionId = '' }) => {
        policies.setDefault(policyName, policyVersionId);
        return {};
      },
    },
    {
      operation: 'DeletePolicyVersion',
      method: 'DELETE',
      path: VERSION,
      answer: (_exchange, { policyName = '', policyVersionId = '' }) => {
        policies.removeVersion(policyName, policyVersionId);
        return {};
      },
    },
  ];
}
