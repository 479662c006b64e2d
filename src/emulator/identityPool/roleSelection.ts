import type { JWTPayload } from 'jose';
import { trustAllows } from '../policy/trust.ts';
import { identityPoolError } from './errors.ts';
import type { VerifiedLogin } from './loginToken.ts';
import type { IamRole, IdentityPool, MappingRule, RoleMapping } from './model.ts';

/**
 * The role that a login gets: by the provider's mapping where there is one, else the pool's
 * authenticated role; its trust policy must let the pool assume it.
 * Throws InvalidIdentityPoolConfigurationException, also where no rule matches and the
 * mapping says Deny.
 */
export function selectRole(
  pool: IdentityPool,
  login: VerifiedLogin,
  roles: ReadonlyMap<string, IamRole>,
): IamRole {
  const key = `${login.provider.providerName}:${login.provider.clientId}`;
  const mapping = pool.roleMappings.get(key);
  const arn = (mapping && mappedRole(mapping, login.claims)) ?? fallbackRole(pool, mapping);
  const role = arn === undefined ? undefined : roles.get(arn);
  if (role === undefined) throw identityPoolError.badRoleConfiguration();
  const trusted = trustAllows(role.trust, {
    'cognito-identity.amazonaws.com:aud': pool.identityPoolId,
    'cognito-identity.amazonaws.com:amr': ['authenticated', login.provider.providerName],
  });
  if (!trusted) throw identityPoolError.badRoleConfiguration();
  return role;
}

function mappedRole(mapping: RoleMapping, claims: JWTPayload): string | undefined {
  // A token names a role where its user is in a group with one; users here are in no groups.
  if (mapping.type === 'Token') return undefined;
  return mapping.rules.find((rule) => ruleMatches(rule, claims))?.roleArn;
}

function fallbackRole(pool: IdentityPool, mapping: RoleMapping | undefined): string | undefined {
  if (mapping?.ambiguous === 'Deny') throw identityPoolError.badRoleConfiguration();
  return pool.authenticatedRoleArn;
}

function ruleMatches(rule: MappingRule, claims: JWTPayload): boolean {
  const claim = claims[rule.claim];
  const values = (Array.isArray(claim) ? claim : [claim]).filter((value) => value !== undefined);
  if (values.length === 0) return false;
  const texts = values.map(String);
  switch (rule.matchType) {
    case 'Equals':
      return texts.includes(rule.value);
    case 'NotEqual':
      return !texts.includes(rule.value);
    case 'Contains':
      return texts.some((text) => text.includes(rule.value));
    case 'StartsWith':
      return texts.some((text) => text.startsWith(rule.value));
    default:
      return rule.matchType satisfies never;
  }
}
