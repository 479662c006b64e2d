import type { Account } from '../contract.ts';
import type {
  IamRole,
  IdentityPool,
  LoginProvider,
  MappingRule,
  RoleMapping,
} from '../identityPool/model.ts';
import { parsePolicy, readPolicy } from '../policy/document.ts';
import type { SeededNames } from '../world/seededNames.ts';
import {
  asMap,
  booleanProperty,
  listProperty,
  mapProperty,
  optionalText,
  type Properties,
  textProperty,
} from './property.ts';
import type { Stack } from './stack.ts';
import { TemplateError } from './template.ts';

/** Reads AWS::Cognito::IdentityPool and its AWS::Cognito::IdentityPoolRoleAttachment. */
export function readIdentityPool(stack: Stack, account: Account): IdentityPool {
  const pool = stack.only('AWS::Cognito::IdentityPool');
  if (booleanProperty(pool.properties, 'AllowUnauthenticatedIdentities', false)) {
    throw new TemplateError('AllowUnauthenticatedIdentities is not emulated; it must be false');
  }
  const attachment = stack.only('AWS::Cognito::IdentityPoolRoleAttachment');
  const authenticated = optionalText(mapProperty(attachment.properties, 'Roles'), 'authenticated');
  const mappings = Object.values(mapProperty(attachment.properties, 'RoleMappings'));
  return {
    identityPoolId: pool.physicalId,
    region: account.region,
    providers: listProperty(pool.properties, 'CognitoIdentityProviders').map((value) =>
      readProvider(asMap(value, 'CognitoIdentityProviders')),
    ),
    ...(authenticated === undefined ? {} : { authenticatedRoleArn: authenticated }),
    roleMappings: new Map(
      mappings.map((value) => {
        const mapping = asMap(value, 'RoleMappings');
        return [textProperty(mapping, 'IdentityProvider'), readMapping(mapping)];
      }),
    ),
  };
}

/** Reads every AWS::IAM::Role, by ARN. */
export function readRoles(stack: Stack, names: SeededNames): ReadonlyMap<string, IamRole> {
  return new Map(
    stack.ofType('AWS::IAM::Role').map((role) => {
      const arn = stack.attribute(role.logicalId, 'Arn');
      const policies = listProperty(role.properties, 'Policies').map((value) =>
        JSON.stringify(mapProperty(asMap(value, 'Policies'), 'PolicyDocument')),
      );
      // Read once here, so that a malformed document stops the start and not a sign-in.
      for (const policy of policies) parsePolicy(policy);
      return [
        arn,
        {
          name: role.physicalId,
          arn,
          roleId: names.roleId(role.physicalId),
          trust: readPolicy(mapProperty(role.properties, 'AssumeRolePolicyDocument'), 'trust'),
          policies,
        },
      ];
    }),
  );
}

function readProvider(properties: Properties): LoginProvider {
  return {
    providerName: textProperty(properties, 'ProviderName'),
    clientId: textProperty(properties, 'ClientId'),
    serverSideTokenCheck: booleanProperty(properties, 'ServerSideTokenCheck', false),
  };
}

function readMapping(properties: Properties): RoleMapping {
  const type = textProperty(properties, 'Type');
  if (type !== 'Token' && type !== 'Rules') {
    throw new TemplateError('RoleMappings Type must be Token or Rules');
  }
  const rules = listProperty(mapProperty(properties, 'RulesConfiguration'), 'Rules');
  return {
    type,
    ambiguous:
      optionalText(properties, 'AmbiguousRoleResolution') === 'Deny' ? 'Deny' : 'AuthenticatedRole',
    rules: rules.map((rule) => readRule(asMap(rule, 'Rules'))),
  };
}

function readRule(properties: Properties): MappingRule {
  const matchType = textProperty(properties, 'MatchType');
  switch (matchType) {
    case 'Equals':
    case 'Contains':
    case 'StartsWith':
    case 'NotEqual':
      return {
        claim: textProperty(properties, 'Claim'),
        matchType,
        value: textProperty(properties, 'Value'),
        roleArn: textProperty(properties, 'RoleARN'),
      };
    default:
      throw new TemplateError(`MatchType ${matchType} is not known`);
  }
}
