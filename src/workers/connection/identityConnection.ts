import { setTimeout as sleep } from 'node:timers/promises';
import type { Denial } from '../../shared/domain/denial.ts';
import type { ConnectionState, WaitReason } from '../../shared/domain/sets.ts';
import { messageOf } from '../../shared/errors/courierError.ts';
import { CredentialSource, type IdentityCredentials } from '../credentials/credentialSource.ts';
import { DeniedError, TransientError } from '../credentials/signInError.ts';
import type { DisconnectKind } from '../events.ts';
import { FencedError } from '../fleet/lease.ts';
import { IdentityMissingError } from '../shard/identityRecords.ts';
import type { LaneWait } from '../shard/laneStore.ts';
import type { ConnectionDependencies } from './connectionDependencies.ts';
import { connectDenied } from './denials.ts';
import { explainUpgrade } from './explainUpgrade.ts';
import { type ConnectFailure, Link, type LinkDown } from './link.ts';
import { Publisher, type PublishRequest } from './publisher.ts';
import type { PublishOutcome } from './publishOutcome.ts';
import { backoffMs } from './reconnectBackoff.ts';
import { Suspicion } from './suspicion.ts';

export type Readiness =
  | { readonly kind: 'ready' }
  | { readonly kind: 'waits'; readonly wait: LaneWait };

const NOT_AUTHORIZED = 0x87;
/** AWS's quota of messages a connection; only an emulator without quotas is driven above it. */
const AWS_MESSAGES_PER_SECOND = 100;
const SESSION_TAKEN_OVER = 0x8e;
/** Quota exceeded and connection rate exceeded: later, not never. */
const THROTTLED = new Set([0x97, 0x9f]);
const SUSPICION_WINDOW_MS = 2000;
const NO_LEASE_RETRY_MS = 500;
const FIGHT_BACKOFF_MS = 30_000;
const UPGRADES_BEFORE_PARKING = 3;

interface Parked {
  readonly reason: WaitReason;
  readonly probeAt: number | undefined;
}

interface ParkRequest {
  readonly waitReason: WaitReason;
  /** Absent where only a person can help. */
  readonly probeInMs: number | undefined;
  readonly status?: 'QUARANTINED' | 'NEEDS_OPERATOR';
}

/**
 * The one connection of an identity: idle → authenticating → attaching → connecting → connected →
 * draining → closed, and aside from it backoff and quarantined. It opens on demand and decides
 * alone whether and when to try again; the SDK never reconnects by itself.
 */
export class IdentityConnection {
  readonly identityId: string;
  readonly #deps: ConnectionDependencies;
  readonly #closing = new AbortController();
  readonly #suspicion = new Suspicion(SUSPICION_WINDOW_MS);
  #state: ConnectionState = 'idle';
  #source: CredentialSource | undefined;
  #link: Link | undefined;
  #publisher: Publisher | undefined;
  #opening: Promise<void> | undefined;
  #parked: Parked | undefined;
  #retryAt = 0;
  #failures = 0;
  #refusedUpgrades = 0;
  #fights = 0;
  #lastProblem = '';
  #lastUsedAt = performance.now();
  #connectedAt: number | undefined;
  #recycleAt = Number.POSITIVE_INFINITY;
  #lastDisconnect: string | undefined;

  constructor(identityId: string, deps: ConnectionDependencies) {
    this.identityId = identityId;
    this.#deps = deps;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  get inFlight(): number {
    return this.#publisher?.inFlight ?? 0;
  }

  get credentialsExpireAt(): number | undefined {
    return this.#source?.expiresAt;
  }

  /** Opens the connection if need be; waits for it at most `patienceMs`. */
  async ready(patienceMs: number): Promise<Readiness> {
    this.#lastUsedAt = performance.now();
    if (!this.#deps.lease.valid) return waits('NO_OWNER', 'no valid lease', NO_LEASE_RETRY_MS);
    if (this.#state === 'connected') return { kind: 'ready' };
    if (this.#state === 'draining') return waits('CONNECTING', 'renewing', NO_LEASE_RETRY_MS);
    if (this.#parked !== undefined) await this.#noticeRelease();
    const held = this.#held();
    if (held !== undefined) return held;
    const opening = this.#open(false);
    const patience = new AbortController();
    const waited = sleep(patienceMs, undefined, { signal: patience.signal }).catch(() => undefined);
    await Promise.race([opening, waited]);
    patience.abort();
    if ((this.#state as ConnectionState) === 'connected') return { kind: 'ready' };
    return this.#held() ?? waits('CONNECTING', this.#progress(), patienceMs * 3);
  }

  publish(request: PublishRequest): Promise<PublishOutcome> {
    this.#lastUsedAt = performance.now();
    const publisher = this.#publisher;
    if (publisher === undefined || this.#state !== 'connected') {
      const until = Date.now() + NO_LEASE_RETRY_MS;
      return Promise.resolve({ kind: 'unsent', reason: 'CONNECTING', detail: '', until });
    }
    return publisher.publish(request, () => this.#deps.lease.valid);
  }

  /** Tries to connect a parked identity; a connection that is up is renewed to see if it may be. */
  async probe(): Promise<void> {
    if (this.#state === 'connected') await this.#renew('probe');
    else await this.#open(true);
  }

  /** Closes what was idle for too long, and renews what gets too old. Called now and then. */
  async maintain(): Promise<void> {
    if (this.#state !== 'connected') return;
    const idleMs = performance.now() - this.#lastUsedAt;
    const idle = this.inFlight === 0 && idleMs >= this.#deps.settings.idleCloseMs;
    if (idle) await this.#drop('idle');
    else if (Date.now() >= this.#recycleAt) await this.#renew('recycled');
    else await this.#refreshAhead();
  }

  /** Lets go of the connection for good: the lease is handed over, or was lost. */
  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    this.#closing.abort(new Error('the connection is being closed'));
    await this.#opening?.catch(() => undefined);
    await this.#drop('released');
    this.#setState('closed');
  }

  #held(): Readiness | undefined {
    const parked = this.#parked;
    if (parked !== undefined) {
      return { kind: 'waits', wait: { reason: parked.reason, until: parked.probeAt } };
    }
    const inMs = this.#retryAt - Date.now();
    return inMs > 0 ? waits('CONNECTING', this.#lastProblem, inMs) : undefined;
  }

  #open(probing: boolean): Promise<void> {
    this.#opening ??= this.#attempt(probing).finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  async #attempt(probing: boolean): Promise<void> {
    const signal = this.#closing.signal;
    try {
      signal.throwIfAborted();
      const { records } = this.#deps;
      const { identity, attachment } = await records.read(this.identityId);
      const parked = identity.status === 'QUARANTINED' || identity.status === 'NEEDS_OPERATOR';
      if (parked && !probing) return await this.#adoptParked();
      this.#parked = undefined;
      const { id, username, cognitoId } = identity;
      this.#source ??= new CredentialSource(
        { id, username, cognitoId },
        records,
        this.#deps.credentials,
      );
      this.#setState('authenticating');
      const credentials = await this.#source.get(signal);
      const attachedAt = await this.#attach(credentials.cognitoId, attachment, signal);
      this.#setState('connecting');
      await this.#connect(credentials, attachedAt, signal);
      if (this.#connectedAt !== undefined && identity.status !== 'ACTIVE') {
        await this.#deps.onActive(this.identityId, parked);
      }
    } catch (error) {
      await this.#failed(error);
    }
  }

  /** An operator may have released the identity, or given it another password. */
  async #noticeRelease(): Promise<void> {
    const { identity } = await this.#deps.records.read(this.identityId);
    if (identity.status === 'QUARANTINED' || identity.status === 'NEEDS_OPERATOR') return;
    this.#parked = undefined;
    this.#retryAt = 0;
    this.#source = undefined;
  }

  /** The identity was parked by an earlier owner, or while this connection was down. */
  async #adoptParked(): Promise<void> {
    const { identity, waitReason } = await this.#deps.records.readParked(this.identityId);
    this.#parked = { reason: waitReason, probeAt: identity.quarantine?.probeAt };
    this.#setState('quarantined');
  }

  async #attach(
    cognitoId: string,
    attachment: { key: string | undefined; at: number | undefined },
    signal: AbortSignal,
  ): Promise<number> {
    const { attacher, settings, records } = this.#deps;
    const key = `${attacher.policyName}@${settings.endpoint}`;
    // Never repeated, not even after a denial: that would undo a deliberate revocation.
    if (attachment.key === key && attachment.at !== undefined) return attachment.at;
    this.#setState('attaching');
    await attacher.attach(cognitoId, signal);
    const attachedAt = Date.now();
    await records.write(this.identityId, { attachedKey: key, attachedAt });
    return attachedAt;
  }

  async #connect(
    credentials: IdentityCredentials,
    attachedAt: number,
    signal: AbortSignal,
  ): Promise<void> {
    const { records, settings, budgets, lease } = this.#deps;
    const { connectSpacingMs } = settings;
    let spacing = await records.grantConnect(this.identityId, connectSpacingMs);
    while (spacing > 0) {
      await sleep(spacing, undefined, { signal });
      spacing = await records.grantConnect(this.identityId, connectSpacingMs);
    }
    await budgets.connect.take(1, signal);
    const link = await Link.open(
      this.#deps.runtime,
      {
        host: settings.host,
        port: settings.port,
        region: settings.names.region,
        keepAliveSeconds: settings.keepAliveSeconds,
        awsFlowControl: settings.messagesPerSecond <= AWS_MESSAGES_PER_SECOND,
        clientId: credentials.cognitoId,
      },
      credentials.temporary,
      {
        mayConnect: () => lease.valid,
        onMessage: (message) => this.#publisher?.onMessage(message),
        onDown: (down) => this.#linkDown(down),
      },
    );
    if (!(link instanceof Link)) return this.#refused(link, credentials, attachedAt, signal);
    if (signal.aborted) return link.close();
    this.#connected(link);
  }

  #connected(link: Link): void {
    const { settings } = this.#deps;
    this.#link = link;
    this.#publisher = new Publisher(link, settings, this.#deps.budgets, this.#suspicion);
    this.#failures = 0;
    this.#refusedUpgrades = 0;
    this.#connectedAt = Date.now();
    const { recycleMinMs, recycleMaxMs } = settings;
    this.#recycleAt =
      this.#connectedAt + recycleMinMs + Math.random() * (recycleMaxMs - recycleMinMs);
    this.#setState('connected');
    this.#deps.onConnected(this.identityId);
  }

  async #refused(
    failure: ConnectFailure,
    credentials: IdentityCredentials,
    attachedAt: number,
    signal: AbortSignal,
  ): Promise<void> {
    this.#deps.events.emit('connection:refused', { kind: failure.kind, reason: failure.reason });
    if (failure.kind === 'connack' && failure.reasonCode === NOT_AUTHORIZED) {
      return this.#connectDenied(failure.reason, credentials.cognitoId, attachedAt, signal);
    }
    if (failure.kind === 'upgrade') return this.#upgradeRefused(failure.reason, credentials);
    const throttled = failure.kind === 'connack' && THROTTLED.has(failure.reasonCode);
    this.#backOff(failure.reason, throttled ? this.#deps.settings.connectSpacingMs : 0);
  }

  async #connectDenied(
    reason: string,
    cognitoId: string,
    attachedAt: number,
    signal: AbortSignal,
  ): Promise<void> {
    const { attacher, settings } = this.#deps;
    const attached = await attacher.isAttached(cognitoId, signal);
    const propagating = attached !== false && Date.now() - attachedAt < settings.propagationMs;
    const denial = connectDenied(settings.names, cognitoId, reason, { attached, propagating });
    await this.#park(denial, {
      waitReason: propagating ? 'PROPAGATING' : 'IDENTITY_QUARANTINED',
      probeInMs: propagating ? settings.propagationProbeMs : settings.quarantineProbeMs,
    });
  }

  async #upgradeRefused(reason: string, credentials: IdentityCredentials): Promise<void> {
    const { settings } = this.#deps;
    const target = { ...settings, region: settings.names.region };
    const denial = await explainUpgrade(target, credentials.temporary);
    if (denial === undefined) return this.#backOff(reason, 0);
    await this.#source?.discardTemporary();
    this.#refusedUpgrades += 1;
    // The first refusals may come of credentials that new ones mend.
    if (this.#refusedUpgrades < UPGRADES_BEFORE_PARKING) return this.#backOff(denial.message, 0);
    await this.#park(denial, {
      waitReason: 'IDENTITY_QUARANTINED',
      probeInMs: settings.quarantineProbeMs,
    });
  }

  async #park(denial: Denial, park: ParkRequest): Promise<void> {
    const { status = 'QUARANTINED', waitReason, probeInMs } = park;
    const { identityId } = this;
    const jittered = probeInMs === undefined ? undefined : probeInMs * (1 + Math.random() / 4);
    const request = { status, waitReason, denial, probeInMs: jittered };
    const { probeAt } = await this.#deps.records.park(identityId, request);
    this.#parked = { reason: waitReason, probeAt };
    this.#lastProblem = denial.message;
    this.#setState('quarantined');
    const { stage, gate, message } = denial;
    this.#deps.events.emit('authorization:failed', { stage, gate, identityId, message });
    this.#deps.events.emit('identity:parked', { identityId, stage, gate });
  }

  async #failed(error: unknown): Promise<void> {
    if (this.#closing.signal.aborted || error instanceof FencedError) return;
    if (error instanceof IdentityMissingError) {
      this.#backOff(error.message, 0);
    } else if (error instanceof DeniedError) {
      // A wrong password is not asked again: Cognito locks users out for that.
      const askAgain = error.denial.stage === 'ATTACH_POLICY';
      await this.#parkOrBackOff(error.denial, {
        waitReason: error.needsOperator ? 'NEEDS_OPERATOR' : 'IDENTITY_QUARANTINED',
        probeInMs: askAgain ? this.#deps.settings.quarantineProbeMs : undefined,
        status: error.needsOperator ? 'NEEDS_OPERATOR' : 'QUARANTINED',
      });
    } else {
      const stage = error instanceof TransientError ? `${error.stage}: ` : '';
      this.#backOff(`${stage}${messageOf(error)}`, 0);
    }
  }

  async #parkOrBackOff(denial: Denial, park: ParkRequest): Promise<void> {
    try {
      await this.#park(denial, park);
    } catch (error) {
      this.#backOff(messageOf(error), 0);
    }
  }

  #backOff(problem: string, leastMs: number): void {
    this.#failures += 1;
    this.#lastProblem = problem;
    this.#retryAt = Date.now() + Math.max(leastMs, backoffMs(this.#failures));
    this.#setState('backoff');
  }

  #linkDown(down: LinkDown): void {
    const kind = disconnectKind(down);
    this.#lost(kind, down.reason);
    if (kind === 'taken_over' && this.#deps.lease.valid) {
      // Somebody else uses this client id: reconnecting at once would be a fight without end.
      this.#fights += 1;
      const leastMs = FIGHT_BACKOFF_MS * Math.min(this.#fights, 10);
      this.#backOff('another client connected with the same client id', leastMs);
      return;
    }
    this.#setState('idle');
  }

  #lost(kind: DisconnectKind, reason: string): Link | undefined {
    const link = this.#link;
    this.#link = undefined;
    this.#publisher?.down(`the connection ended: ${reason}`);
    this.#publisher = undefined;
    this.#connectedAt = undefined;
    this.#lastDisconnect = `${kind}: ${reason}`;
    this.#deps.events.emit('connection:lost', { kind, identityId: this.identityId, reason });
    // Frees the native client; nothing waits for it.
    link?.close().catch(() => undefined);
    return link;
  }

  async #drop(kind: DisconnectKind): Promise<void> {
    if (this.#link === undefined) return;
    this.#setState('draining');
    await this.#publisher?.drained();
    const link = this.#lost(kind, kind);
    await link?.close();
    this.#setState('idle');
  }

  async #renew(kind: 'probe' | 'recycled'): Promise<void> {
    await this.#drop(kind);
    await this.#open(false);
  }

  /** Credentials are renewed while the connection is up, so that the next connect has good ones. */
  async #refreshAhead(): Promise<void> {
    const expiresAt = this.#source?.expiresAt;
    const { refreshAheadMs } = this.#deps.credentials;
    if (expiresAt === undefined || expiresAt - refreshAheadMs > Date.now()) return;
    // A failure shows at the next connect; a connection that is up outlives its credentials.
    await this.#source?.get(this.#closing.signal).catch(() => undefined);
  }

  #progress(): string {
    return this.#lastProblem === '' ? this.#state : `${this.#state}; before: ${this.#lastProblem}`;
  }

  #setState(to: ConnectionState): void {
    const from = this.#state;
    if (from === to || from === 'closed') return;
    this.#state = to;
    this.#deps.events.emit('connection:state', { from, to, identityId: this.identityId });
    this.#deps.report(this.identityId, {
      state: to,
      connectedAt: this.#connectedAt,
      credentialsExpireAt: this.credentialsExpireAt,
      recycleAt: Number.isFinite(this.#recycleAt) ? Math.round(this.#recycleAt) : undefined,
      lastDisconnect: this.#lastDisconnect,
    });
  }
}

function waits(reason: WaitReason, detail: string, inMs: number): Readiness {
  return { kind: 'waits', wait: { reason, detail, until: Date.now() + Math.ceil(inMs) } };
}

function disconnectKind(down: LinkDown): DisconnectKind {
  if (down.reasonCode === SESSION_TAKEN_OVER) return 'taken_over';
  if (down.reasonCode === NOT_AUTHORIZED) return 'not_authorized';
  return down.reasonCode === undefined ? 'network' : 'server';
}
