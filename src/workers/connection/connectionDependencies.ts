import type { ConnectionView } from '../../shared/domain/identity.ts';
import type { Budgets } from '../budgets/budgets.ts';
import type { CredentialDependencies } from '../credentials/credentialSource.ts';
import type { PolicyAttacher } from '../credentials/policyAttacher.ts';
import type { EventBus } from '../events.ts';
import type { Lease } from '../fleet/lease.ts';
import type { PresenceObserver } from '../presence/presenceObserver.ts';
import type { IdentityRecords } from '../shard/identityRecords.ts';
import type { ConnectionSlots } from './connectionSlots.ts';
import type { CrtRuntime } from './crtRuntime.ts';
import type { PublisherSettings } from './publisher.ts';

export interface ConnectionSettings extends PublisherSettings {
  /** `host:port`, which stands for the AWS account and region. */
  readonly endpoint: string;
  readonly host: string;
  readonly port: number;
  readonly caPem: string | undefined;
  readonly keepAliveSeconds: number;
  readonly connectSpacingMs: number;
  readonly propagationMs: number;
  readonly propagationProbeMs: number;
  readonly quarantineProbeMs: number;
  readonly idleCloseMs: number;
  readonly recycleMinMs: number;
  readonly recycleMaxMs: number;
}

/** What the connections of one worker share. */
export interface SharedConnectionDependencies {
  readonly runtime: CrtRuntime;
  readonly settings: ConnectionSettings;
  readonly budgets: Budgets;
  readonly credentials: CredentialDependencies;
  readonly attacher: PolicyAttacher;
  readonly slots: ConnectionSlots;
  /** Absent where presence is not observed. */
  readonly presence?: PresenceObserver | undefined;
  readonly events: EventBus;
}

/** And what those of one shard have on top. */
export interface ConnectionDependencies extends SharedConnectionDependencies {
  readonly lease: Lease;
  readonly records: IdentityRecords;
  /** A connection is up: what waits for it may go on. */
  onConnected(identityId: string): void;
  /** An identity that was pending or parked has connected: its record must say so. */
  onActive(identityId: string, wasParked: boolean): Promise<void>;
  report(identityId: string, view: Omit<ConnectionView, 'worker' | 'epoch'>): void;
}
