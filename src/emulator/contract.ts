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

/**
 * Which AWS quotas are enforced: none, AWS's usual defaults, or the defaults of the smaller
 * Regions. Signatures and policies are enforced in every case.
 */
export type QuotaProfile = 'off' | 'default' | 'small';

/**
 * The account's administrator, who may do anything: the holder of any access key that the
 * identity pool did not issue. Where a key pair is configured, only that pair is accepted and its
 * signature is verified; where none is, a foreign key is accepted on the data plane unverified
 * (its secret is not known here) and refused on `/mqtt`.
 */
export interface Administrator {
  readonly accessKeyId: string;
  readonly secretKey: string;
}

/** What `startDeviceGateway` (`src/emulator/gateway.ts`) is given. */
export interface DeviceGatewayOptions {
  readonly account: Account;
  readonly credentials: CredentialStore;
  readonly authorizer: Authorizer;
  readonly log: IotLog;
  readonly tls: { readonly key: string; readonly cert: string };
  readonly administrator?: Administrator;
  /** Port of MQTT over wss and of the HTTPS data plane; 0 or absent takes a free one. */
  readonly port?: number;
  /** Addresses to listen on; default 127.0.0.1 and ::1 (left out where there is no IPv6). */
  readonly hosts?: readonly string[];
  /** Default `default`. */
  readonly quotas?: QuotaProfile;
  /** Shortens durations (24 h cut, session expiry, tombstones), never quotas. Default 1. */
  readonly timeScale?: number;
  /** Shortens the windows of quotas too. Default false. */
  readonly scaleQuotas?: boolean;
  /** Wall clock, epoch milliseconds. Default `Date.now`. */
  readonly now?: () => number;
  /** Readings of facts that AWS leaves open, and sizes; each has a default. */
  readonly settings?: Partial<DeviceSettings>;
  /** Called with every accepted shadow update, after it is stored. */
  readonly onShadowUpdate?: (entry: LedgerEntry) => void;
  /** What to get wrong on purpose; absent, nothing. */
  readonly faults?: DeviceFaults;
  /** What `snapshot` gave in an earlier run; absent, no shadow exists yet. */
  readonly restore?: unknown;
}

/**
 * Where the device side asks whether to get something wrong.
 * - `upgrade`: before a WebSocket upgrade is answered (`refuse`, `delay`)
 * - `puback`: before a PUBACK is sent to a publisher (`swallow`, `delay`, `refuse` = 0x97)
 * - `answer`: before a shadow answer (`…/accepted`, `…/rejected`) is routed (`swallow`, `delay`)
 * - `deliver`: before a message goes to a subscriber (`swallow`, `delay`, `duplicate`)
 * - `dataPlane`: before an HTTPS data-plane request is answered (`refuse`, `delay`)
 */
export type DeviceFaultPoint = 'upgrade' | 'puback' | 'answer' | 'deliver' | 'dataPlane';

export interface DeviceFaultSubject {
  readonly clientId?: string;
  readonly topic?: string;
}

export interface DeviceFault {
  readonly effect: 'swallow' | 'delay' | 'duplicate' | 'refuse';
  /** Wall milliseconds; for `delay`, else 0. */
  readonly delayMs: number;
  /** HTTP status and exception where `refuse` answers HTTP. */
  readonly status: number;
  readonly errorName: string;
  readonly message: string;
}

export interface DeviceFaults {
  /** False while no fault is set: all that the hot path looks at. */
  readonly armed: boolean;
  /** Draws (deterministically, by the seed) whether a fault strikes here; undefined: none does. */
  at(point: DeviceFaultPoint, subject: DeviceFaultSubject): DeviceFault | undefined;
}

/** What can be done to a running device side from outside. */
export interface DeviceControls {
  /**
   * Closes TCP connections without a packet, as a lost network does: those of one client id, else
   * a share (0 to 1, `pick` draws) of all. Gives how many.
   */
  dropConnections(which: {
    readonly clientId?: string;
    readonly share?: number;
    readonly pick?: () => number;
  }): number;
  /** Sockets stay open, nothing is read or written for that long (wall milliseconds). */
  freeze(durationMs: number): void;
  /** The device's side of a shadow, without a connection: an update of `reported`, accepted or not. */
  report(thing: string, shadow: string | undefined, reported: unknown): void;
}

/** Behaviour that AWS does not document or that the quota profile only defaults. */
export interface DeviceSettings {
  /**
   * A second CONNECT of a client id within this many milliseconds is refused with 0x97 (v5) or a
   * close. 0 switches it off. Default 10,000, and 0 where quotas are off (aws-facts 3.6).
   */
  readonly connectWindowMs: number;
  /** Also accept a signature that covers X-Amz-Security-Token (aws-facts 4.1). Default false. */
  readonly acceptSignedToken: boolean;
  /** Nested objects or arrays allowed beneath `desired` and `reported`. Default 5. */
  readonly shadowDepth: number;
  /** Entries that the ledger keeps; older ones are dropped and counted. Default 500,000. */
  readonly ledgerLimit: number;
}

/** One accepted shadow update, as an independent witness of what was applied and in which order. */
export interface LedgerEntry {
  /** 1 for the first accepted update since the start, without gaps. */
  readonly sequence: number;
  /** Absent for an update over HTTPS. */
  readonly clientId?: string;
  /** Identifies the MQTT connection, as lifecycle events do; absent over HTTPS. */
  readonly sessionIdentifier?: string;
  readonly thing: string;
  /** Absent for the classic shadow. */
  readonly shadow?: string;
  readonly clientToken?: string;
  readonly version: number;
  /** The request's own sections, as they were sent; absent where the request had none. */
  readonly desired?: unknown;
  readonly reported?: unknown;
  readonly receivedAtMs: number;
}

export interface Ledger {
  /** Entries with a sequence greater than `after` that are still kept, oldest first. */
  since(after: number, limit?: number): readonly LedgerEntry[];
  /** Sequence of the newest entry, 0 where there is none. */
  readonly last: number;
  /** Entries that were dropped to keep within the limit. */
  readonly dropped: number;
}

/** A running device side. */
export interface DeviceGateway {
  readonly port: number;
  readonly ledger: Ledger;
  /** Counts for health and benches. */
  stats(): GatewayStats;
  readonly controls?: DeviceControls;
  /** Shadows with their versions and tombstones, as JSON data, for `--state`. */
  snapshot?(): unknown;
  /** Closes every connection and the port; idempotent. */
  stop(): Promise<void>;
}

export interface GatewayStats {
  readonly connections: number;
  readonly sessions: number;
  readonly subscriptions: number;
  readonly shadows: number;
  readonly publishesIn: number;
  readonly publishesOut: number;
  readonly shadowUpdates: number;
}
