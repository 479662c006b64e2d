import type { PolicyDocument } from '../policy/document.ts';

/** An IAM role that the identity pool can hand out. */
export interface IamRole {
  readonly name: string;
  readonly arn: string;
  /** `AROA…`, the role's unique id. */
  readonly roleId: string;
  /** Who may assume it: AssumeRolePolicyDocument. */
  readonly trust: PolicyDocument;
  /** Its inline policies, as JSON text. */
  readonly policies: readonly string[];
}

/** A user pool's client that the identity pool takes ID tokens of. */
export interface LoginProvider {
  /** `cognito-idp.<region>.amazonaws.com/<userPoolId>`, the key in `Logins`. */
  readonly providerName: string;
  readonly clientId: string;
  /** Whether a token of a disabled or signed-out user is refused. */
  readonly serverSideTokenCheck: boolean;
}

export interface MappingRule {
  readonly claim: string;
  readonly matchType: 'Equals' | 'Contains' | 'StartsWith' | 'NotEqual';
  readonly value: string;
  readonly roleArn: string;
}

/** How a role is chosen from a token of one provider (`<providerName>:<clientId>`). */
export interface RoleMapping {
  readonly type: 'Token' | 'Rules';
  readonly ambiguous: 'AuthenticatedRole' | 'Deny';
  readonly rules: readonly MappingRule[];
}

export interface IdentityPool {
  readonly identityPoolId: string;
  readonly region: string;
  readonly providers: readonly LoginProvider[];
  readonly authenticatedRoleArn?: string;
  /** By `<providerName>:<clientId>`. */
  readonly roleMappings: ReadonlyMap<string, RoleMapping>;
}
