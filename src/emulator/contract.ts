/**
 * What the emulator's halves know of each other: the identity side (Cognito, IAM, IoT control
 * plane, policies) gives the device side (broker, shadows, data plane) the means to find the
 * credentials behind a signature and to decide what their holder may do.
 */

/** Temporary credentials as `GetCredentialsForIdentity` issued them. */
export interface IssuedCredentials {
  readonly accessKeyId: string;
  readonly secretKey: string;
  readonly sessionToken: string;
  /** Epoch milliseconds, wall time; already shortened by the time scale. */
  readonly expiresAtMs: number;
  readonly principal: CognitoPrincipal;
}

/** An authenticated Cognito identity acting through the identity pool's role. */
export interface CognitoPrincipal {
  /** `<region>:<uuid>`, the value of `${cognito-identity.amazonaws.com:sub}`. */
  readonly identityId: string;
  readonly roleArn: string;
  /** As AWSIotLogsV2 prints it: `AROA…:CognitoIdentityCredentials`. */
  readonly principalId: string;
}

export interface CredentialStore {
  /** The credentials with this access key id, expired ones included; undefined where none. */
  find(accessKeyId: string): IssuedCredentials | undefined;
}

export type IotAction =
  | 'iot:Connect'
  | 'iot:Publish'
  | 'iot:Subscribe'
  | 'iot:Receive'
  | 'iot:RetainPublish'
  | 'iot:GetThingShadow'
  | 'iot:UpdateThingShadow'
  | 'iot:DeleteThingShadow'
  | 'iot:ListNamedShadowsForThing';

/**
 * Values of condition keys and policy variables of one request: `iot:ClientId`,
 * `aws:SourceIp`, `cognito-identity.amazonaws.com:sub`, …; multi-valued keys hold arrays.
 */
export type RequestContext = Readonly<Record<string, string | readonly string[]>>;

export type Decision =
  | { readonly allowed: true }
  | {
      readonly allowed: false;
      /** Which policy said no; where both do, the IAM role policy is named. */
      readonly gate: 'IAM_ROLE_POLICY' | 'IOT_POLICY';
      /** True for an explicit Deny statement, false where nothing allows the action. */
      readonly explicit: boolean;
    };

export interface Authorizer {
  /**
   * IAM role policy and attached IoT policies, both of which must allow. `resource` is an ARN.
   * Compiled per principal inside; cheap enough to call per message, yet the broker may cache
   * answers per connection and topic while `generation` stays the same.
   */
  decide(
    principal: CognitoPrincipal,
    action: IotAction,
    resource: string,
    context: RequestContext,
  ): Decision;
  /** Grows whenever an answer could differ from before (after the propagation delay). */
  readonly generation: number;
}

/** One entry in the shape of AWSIotLogsV2; absent fields are left out, as AWS does. */
export interface IotLogEntry {
  readonly timestamp: string;
  readonly logLevel: 'ERROR' | 'WARN' | 'INFO' | 'DEBUG';
  readonly traceId: string;
  readonly accountId: string;
  readonly status: 'Success' | 'Failure';
  readonly eventType: string;
  readonly protocol?: string;
  readonly clientId?: string;
  readonly principalId?: string;
  readonly sourceIp?: string;
  readonly sourcePort?: number;
  readonly topicName?: string;
  readonly reason?: string;
  readonly details?: string;
  readonly disconnectReason?: string;
  readonly deviceShadowName?: string;
  readonly subscriptions?: readonly { readonly topicName: string; readonly reasonCode: number }[];
}

export interface IotLog {
  write(entry: Omit<IotLogEntry, 'timestamp' | 'accountId'>): void;
}

/** Names of the account that is emulated. */
export interface Account {
  readonly region: string;
  readonly accountId: string;
}
