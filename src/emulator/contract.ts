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
  | 'iot:ListNamedShadowsForThing'
  | 'iot:GetRetainedMessage'
  | 'iot:ListRetainedMessages'
  | 'iot:GetConnection'
  | 'iot:DeleteConnection'
  | 'iot:ListSubscriptions';

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
  /** What `exportState` returned in an earlier run. */
  readonly state?: DeviceState;
  /** Called with every accepted shadow update, after it is stored. */
  readonly onShadowUpdate?: (entry: LedgerEntry) => void;
  /**
   * Asked before each HTTPS request of the data plane; may wait, and throws what a fault answers
   * instead: an AwsError, or a HangUp. Default: nothing.
   */
  readonly beforeDataPlane?: (url: string, body: Buffer) => Promise<void>;
  /**
   * The clock that signatures and the expiry of credentials are judged by, epoch milliseconds;
   * differs from `now` while a clock skew is set. Default `now`.
   */
  readonly signatureNow?: () => number;
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
  /** Entries that the ledger keeps; older ones are dropped and counted. Default 200,000. */
  readonly ledgerLimit: number;
  /**
   * What a QoS 1 publish that exceeds a quota gets: no PUBACK at all, or one with 0x97 (MQTT 5;
   * aws-facts 3.5). Default `none`.
   */
  readonly discardedPublish: 'none' | 'puback';
  /** Whether the 24 h cut sends a DISCONNECT 0x98 first (aws-facts 9). Default false. */
  readonly announceLifetimeEnd: boolean;
  /** Lifetime of a connection, before the time scale. Default 24 h (aws-facts 1.1). */
  readonly connectionLifetimeMs: number;
  /** A publish on a reserved topic that only AWS publishes on. Default `terminate`. */
  readonly reservedPublish: 'terminate' | 'route';
  /** The 51st subscription of a connection: SUBACK 0x97, and the end of it. Default `terminate`. */
  readonly overSubscribed: 'terminate' | 'suback';
  /** Expiry of persistent MQTT 3.1.1 sessions in seconds, before the time scale. Default 3,600. */
  readonly sessionExpirySeconds: number;
  /** Seed of the faults' dice. Default 1. */
  readonly faultSeed: number;
}

/** Faults that stay on until they are changed; shares are probabilities from 0 to 1. */
export interface DeviceFaults {
  /** Only for these client ids; absent for all. Upgrades carry none, so they match no list. */
  readonly clientIds?: readonly string[];
  /** How long every packet of a client waits before it is handled, drawn evenly. */
  readonly latencyMs?: { readonly min: number; readonly max: number };
  /** Share of upgrades on `/mqtt` that get this HTTP status (default 503). */
  readonly refuseUpgrade?: { readonly share: number; readonly status?: number };
  /** Share of publishes that are handled but never get their PUBACK. */
  readonly swallowPuback?: number;
  /** Share of shadow answers (accepted and rejected) that are never published. */
  readonly swallowAccepted?: number;
  /** How long shadow answers (accepted and rejected) are held back, drawn evenly. */
  readonly delayAcceptedMs?: { readonly min: number; readonly max: number };
  /** Share of deliveries that are sent twice. */
  readonly duplicateDelivery?: number;
}

export interface DropRequest {
  /** Only these client ids; absent for all. */
  readonly clientIds?: readonly string[];
  /** Share of the connections that match. Default 1. */
  readonly share?: number;
  /**
   * `sever` cuts TCP without a word, `close` closes the WebSocket, `disconnect` sends DISCONNECT
   * with `reasonCode` (default 0x8B) first. Default `sever`.
   */
  readonly how?: 'sever' | 'close' | 'disconnect';
  readonly reasonCode?: number;
}

export interface DeviceFaultControl {
  current(): DeviceFaults;
  /** Replaces all faults; `{}` switches them off. Throws a RangeError that names a bad value. */
  set(faults: DeviceFaults): void;
  /** Ends connections now and returns how many. */
  drop(request: DropRequest): number;
  /** Handles nothing of any client for this long, connections staying open; 0 thaws. */
  freeze(forMs: number): void;
}

/**
 * A client inside the emulator, for simulated devices: no socket, no policy, no quota, but its
 * messages and answers are those of any other.
 */
export interface LocalClient {
  /** Messages that match the filter, QoS 0; returns how to end the subscription. */
  subscribe(filter: string, handler: (topic: string, payload: Buffer) => void): () => void;
  /** Publishes at QoS 1, to the shadow service too where the topic is one of its own. */
  publish(topic: string, payload: Buffer): void;
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
  readonly faults: DeviceFaultControl;
  /** A new client of that id, as the ledger and the log will name it. */
  localClient(clientId: string): LocalClient;
  /** Shadows with their versions, tombstones included, and retained messages, as plain JSON. */
  exportState(): DeviceState;
  /** Counts for health and benches. */
  stats(): GatewayStats;
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
  /** Above a quota, of either direction. */
  readonly publishesDiscarded: number;
  readonly shadowUpdates: number;
}

/** What the device side keeps over a restart; plain JSON. */
export interface DeviceState {
  readonly shadows: readonly StoredShadow[];
  readonly retained: readonly StoredRetainedMessage[];
}

export interface StoredShadow {
  readonly thing: string;
  /** Absent for the classic shadow. */
  readonly shadow?: string;
  readonly version: number;
  /** Epoch milliseconds of its deletion, for a tombstone. */
  readonly deletedAtMs?: number;
  readonly state: { readonly desired?: object; readonly reported?: object };
  readonly metadata: { readonly desired?: object; readonly reported?: object };
}

export interface StoredRetainedMessage {
  readonly topic: string;
  /** Base64. */
  readonly payload: string;
  readonly qos: 0 | 1;
  readonly lastModifiedMs: number;
}
