import type { Denial } from '../../shared/domain/denial.ts';
import type { Gate, WaitReason } from '../../shared/domain/sets.ts';
import { messageOf } from '../../shared/errors/courierError.ts';
import type { IdentityCredentials } from '../credentials/credentialSource.ts';
import type { PolicyAttacher } from '../credentials/policyAttacher.ts';
import { DeniedError, TransientError } from '../credentials/signInError.ts';
import type { ConnectionSettings } from './connectionDependencies.ts';
import { connectDenied } from './denials.ts';
import { explainUpgrade } from './explainUpgrade.ts';
import type { ConnectFailure } from './link.ts';

/** How an identity is parked. */
export interface ParkTerms {
  readonly status: 'QUARANTINED' | 'NEEDS_OPERATOR';
  readonly waitReason: WaitReason;
  /** Absent where only a person can help. */
  readonly probeInMs: number | undefined;
}

/** What a failed attempt to connect means: again after a pause, or parked until something changes. */
export type Verdict =
  | { readonly kind: 'later'; readonly problem: string; readonly leastMs: number }
  | { readonly kind: 'park'; readonly denial: Denial; readonly terms: ParkTerms };

/** What an attempt was made with. */
export interface Attempt {
  readonly credentials: IdentityCredentials;
  readonly attachedAt: number;
  readonly signal: AbortSignal;
  /** Forgets the credentials, so that the next attempt gets new ones. */
  discardCredentials(): Promise<void>;
}

export const NOT_AUTHORIZED = 0x87;
/** Quota exceeded and connection rate exceeded: later, not never. */
const THROTTLED = new Set([0x97, 0x9f]);
const UPGRADES_BEFORE_PARKING = 3;

/**
 * Gates that no probe tries again. Cognito locks users out for wrong passwords, and what a person
 * must do first no probe does; whoever does it releases the identity or gives it another secret.
 */
const UNPROBED: ReadonlySet<Gate> = new Set<Gate>([
  'USER_POOL_PASSWORD',
  'USER_POOL_CHALLENGE',
  'USER_POOL_USER_STATE',
  'DUPLICATE_IDENTITY',
]);

/** Decides what the refusals of one identity's connection mean. */
export class Refusals {
  readonly #settings: ConnectionSettings;
  readonly #attacher: PolicyAttacher;
  #upgrades = 0;

  constructor(settings: ConnectionSettings, attacher: PolicyAttacher) {
    this.#settings = settings;
    this.#attacher = attacher;
  }

  /** A connection came up: what was refused before does not count any more. */
  forget(): void {
    this.#upgrades = 0;
  }

  /** Of anything thrown on the way to a connection. */
  ofError(error: unknown): Verdict {
    if (error instanceof DeniedError) {
      const { denial } = error;
      return UNPROBED.has(denial.gate)
        ? this.#park(denial, 'NEEDS_OPERATOR', undefined)
        : this.#park(denial, 'IDENTITY_QUARANTINED', this.#settings.quarantineProbeMs);
    }
    const stage = error instanceof TransientError ? `${error.stage}: ` : '';
    return later(`${stage}${messageOf(error)}`);
  }

  /** Of a connection that did not come up. */
  async ofConnect(failure: ConnectFailure, attempt: Attempt): Promise<Verdict> {
    switch (failure.kind) {
      case 'connack':
        if (failure.reasonCode === NOT_AUTHORIZED) return this.#denied(failure.reason, attempt);
        return THROTTLED.has(failure.reasonCode)
          ? later(failure.reason, this.#settings.connectSpacingMs)
          : later(failure.reason);
      case 'upgrade':
        return this.#upgradeRefused(failure.reason, attempt);
      case 'network':
        return later(failure.reason);
      default:
        return failure satisfies never;
    }
  }

  async #denied(reason: string, attempt: Attempt): Promise<Verdict> {
    const { names, propagationMs, propagationProbeMs, quarantineProbeMs } = this.#settings;
    const { cognitoId } = attempt.credentials;
    const attached = await this.#attacher.isAttached(cognitoId, attempt.signal);
    const propagating = attached !== false && Date.now() - attempt.attachedAt < propagationMs;
    const denial = connectDenied(names, cognitoId, reason, { attached, propagating });
    return propagating
      ? this.#park(denial, 'PROPAGATING', propagationProbeMs)
      : this.#park(denial, 'IDENTITY_QUARANTINED', quarantineProbeMs);
  }

  async #upgradeRefused(reason: string, attempt: Attempt): Promise<Verdict> {
    const target = { ...this.#settings, region: this.#settings.names.region };
    const denial = await explainUpgrade(target, attempt.credentials.temporary, attempt.signal);
    if (denial === undefined) return later(reason);
    await attempt.discardCredentials();
    this.#upgrades += 1;
    // The first refusals may come of credentials that new ones mend.
    if (this.#upgrades < UPGRADES_BEFORE_PARKING) return later(denial.message);
    return this.#park(denial, 'IDENTITY_QUARANTINED', this.#settings.quarantineProbeMs);
  }

  #park(denial: Denial, waitReason: WaitReason, probeInMs: number | undefined): Verdict {
    const status = waitReason === 'NEEDS_OPERATOR' ? 'NEEDS_OPERATOR' : 'QUARANTINED';
    return { kind: 'park', denial, terms: { status, waitReason, probeInMs } };
  }
}

function later(problem: string, leastMs = 0): Verdict {
  return { kind: 'later', problem, leastMs };
}
