import type { Account } from '../contract.ts';
import type { IamRole, IdentityPool } from '../identityPool/model.ts';
import type { SeededNames } from '../world/seededNames.ts';
import { readIdentityPool, readRoles } from './identityPoolResources.ts';
import { mapProperty } from './property.ts';
import { Stack } from './stack.ts';
import { parseTemplate, TemplateError } from './template.ts';
import { type ProvisionedUserPool, readUserPool } from './userPoolResources.ts';

/** Everything that the account holds after the stack is made. */
export interface ProvisionedAccount {
  readonly userPool: ProvisionedUserPool;
  readonly identityPool: IdentityPool;
  readonly roles: ReadonlyMap<string, IamRole>;
  readonly iotPolicies: readonly { readonly name: string; readonly document: string }[];
  readonly outputs: Readonly<Record<string, string>>;
}

/** AWS::IAM::ManagedPolicy is for roles of the account's own, which have no credentials here. */
const KNOWN_TYPES = new Set([
  'AWS::Cognito::UserPool',
  'AWS::Cognito::UserPoolClient',
  'AWS::Cognito::IdentityPool',
  'AWS::Cognito::IdentityPoolRoleAttachment',
  'AWS::IAM::Role',
  'AWS::IAM::ManagedPolicy',
  'AWS::IoT::Policy',
]);

/** Makes the account that a CloudFormation template describes; throws TemplateError. */
export function provision(
  templateText: string,
  account: Account,
  names: SeededNames,
): ProvisionedAccount {
  const stack = new Stack(parseTemplate(templateText), account, names);
  for (const type of stack.types()) {
    if (!KNOWN_TYPES.has(type)) throw new TemplateError(`${type} is not emulated`);
    // Resolves what is not read below too, so that a wrong reference is found here already.
    stack.ofType(type);
  }
  return {
    userPool: readUserPool(stack, names),
    identityPool: readIdentityPool(stack, account),
    roles: readRoles(stack, names),
    iotPolicies: stack.ofType('AWS::IoT::Policy').map((policy) => ({
      name: policy.physicalId,
      document: JSON.stringify(mapProperty(policy.properties, 'PolicyDocument')),
    })),
    outputs: stack.outputs(),
  };
}
