import type { QuotaProfile } from '../contract.ts';

/** Request rates that AWS counts per account and Region on the identity side. */
export type QuotaName =
  | 'UserAuthentication'
  | 'UserRead'
  | 'UserToken'
  | 'UserCreation'
  | 'UserPoolClientRead'
  | 'UserUpdate'
  | 'GetId'
  | 'GetCredentialsForIdentity'
  | 'AttachPolicy'
  | 'DetachPolicy'
  | 'ListAttachedPolicies'
  | 'CreatePolicy'
  | 'CreatePolicyVersion'
  | 'DeletePolicyVersion'
  | 'SetDefaultPolicyVersion'
  | 'DeletePolicy'
  | 'GetPolicy'
  | 'GetPolicyVersion'
  | 'ListPolicies'
  | 'ListPolicyVersions'
  | 'ListTargetsForPolicy'
  | 'GetEffectivePolicies'
  | 'TestAuthorization'
  | 'DescribeEndpoint'
  | 'CreateThing'
  | 'DescribeThing'
  | 'DeleteThing'
  | 'ListThings'
  | 'AttachThingPrincipal'
  | 'DetachThingPrincipal'
  | 'ListThingPrincipals';

/**
 * Requests per second. Sources: Cognito developer guide "Quotas" (user pools by category,
 * identity pools by operation), General Reference "AWS IoT Core endpoints and quotas" (2023).
 */
const DEFAULT_PER_SECOND: Readonly<Record<QuotaName, number>> = {
  UserAuthentication: 120,
  UserRead: 120,
  UserToken: 120,
  UserCreation: 50,
  UserPoolClientRead: 20,
  UserUpdate: 25,
  GetId: 25,
  GetCredentialsForIdentity: 200,
  AttachPolicy: 15,
  DetachPolicy: 15,
  ListAttachedPolicies: 15,
  CreatePolicy: 10,
  CreatePolicyVersion: 10,
  DeletePolicyVersion: 10,
  SetDefaultPolicyVersion: 10,
  DeletePolicy: 10,
  GetPolicy: 10,
  GetPolicyVersion: 15,
  ListPolicies: 10,
  ListPolicyVersions: 10,
  ListTargetsForPolicy: 10,
  GetEffectivePolicies: 5,
  TestAuthorization: 10,
  DescribeEndpoint: 10,
  CreateThing: 100,
  DescribeThing: 350,
  DeleteThing: 100,
  ListThings: 10,
  AttachThingPrincipal: 100,
  DetachThingPrincipal: 100,
  ListThingPrincipals: 10,
};

const SMALL_PER_SECOND: Readonly<Record<QuotaName, number>> = {
  ...DEFAULT_PER_SECOND,
  CreateThing: 50,
  DeleteThing: 50,
  AttachThingPrincipal: 50,
  DetachThingPrincipal: 50,
};

export interface Quotas {
  /** Takes one request from the account's bucket; false where it is empty. */
  tryTake(name: QuotaName): boolean;
  /** Requests that found theirs empty, since the start. */
  readonly refused: number;
}

export interface QuotaSettings {
  readonly profile: QuotaProfile;
  /** Multiplies the rates; the time scale where quotas are told to follow it, else 1. */
  readonly factor: number;
  readonly now: () => number;
}

/** One token bucket a quota; a bucket holds what one second allows. */
export function createQuotas(settings: QuotaSettings): Quotas {
  if (settings.profile === 'off') return { tryTake: () => true, refused: 0 };
  const rates = settings.profile === 'small' ? SMALL_PER_SECOND : DEFAULT_PER_SECOND;
  const buckets = new Map<QuotaName, { tokens: number; atMs: number }>();
  let refused = 0;
  return {
    get refused() {
      return refused;
    },
    tryTake: (name) => {
      const rate = rates[name] * settings.factor;
      const nowMs = settings.now();
      const bucket = buckets.get(name) ?? { tokens: rate, atMs: nowMs };
      const elapsedMs = Math.max(0, nowMs - bucket.atMs);
      const tokens = Math.min(rate, bucket.tokens + (elapsedMs * rate) / 1000);
      const granted = tokens >= 1;
      buckets.set(name, { tokens: granted ? tokens - 1 : tokens, atMs: nowMs });
      if (!granted) refused += 1;
      return granted;
    },
  };
}
