import type { Denial } from './denial.ts';
import type { ConnectionState, DisconnectKind, IdentityStatus } from './sets.ts';

/** A registered Cognito user. Times are epoch milliseconds. */
export interface Identity {
  readonly id: string;
  readonly shard: number;
  readonly username: string;
  readonly label?: string | undefined;
  readonly tags: readonly string[];
  /** The ids of the groups that it is a member of. */
  readonly groupIds: readonly string[];
  readonly status: IdentityStatus;
  /** The Cognito identity id (`<region>:<uuid>`), known after the first `GetId`, kept for good. */
  readonly cognitoId?: string | undefined;
  readonly createdAt: number;
  readonly attachedAt?: number | undefined;
  readonly quarantine?: Quarantine | undefined;
}

export interface Quarantine {
  readonly denial: Denial;
  readonly since: number;
  /** When the next probe is due; absent where an operator must act. */
  readonly probeAt?: number | undefined;
  readonly probes: number;
}

/** The owner's view of an identity's connection, as last reported to Redis. */
export interface ConnectionView {
  readonly state: ConnectionState;
  readonly worker: string;
  readonly epoch: number;
  readonly connectedAt?: number | undefined;
  readonly credentialsExpireAt?: number | undefined;
  readonly recycleAt?: number | undefined;
  readonly lastDisconnect?: string | undefined;
  readonly lastDisconnectKind?: DisconnectKind | undefined;
  /** Publishes that wait for their answer, as of the last report. */
  readonly inFlight: number;
  /** How often somebody else took the client id, since this worker owns it. */
  readonly fights: number;
}
