/** Readings of what AWS leaves open on the identity side; the defaults are the strictest. */
export interface IdentitySettings {
  /** Whether TestAuthorization asks the IoT policies alone or the role's policy as well. */
  readonly testAuthorization: 'iot' | 'both';
  /** Whether the first policy of an identity waits for propagation like every other change. */
  readonly firstAttach: 'delayed' | 'immediate';
  /** Cognito's newer or older sentence for a wrong SECRET_HASH; both are seen on AWS. */
  readonly secretHashMessage: 'new' | 'old';
}

export const DEFAULT_IDENTITY_SETTINGS: IdentitySettings = {
  testAuthorization: 'iot',
  firstAttach: 'delayed',
  secretHashMessage: 'new',
};
