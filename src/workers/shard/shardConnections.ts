import type { ConnectionView } from '../../shared/domain/identity.ts';
import type { ConnectionState } from '../../shared/domain/sets.ts';
import { messageOf } from '../../shared/errors/courierError.ts';
import { IdentityConnection } from '../connection/identityConnection.ts';
import type { Lease } from '../fleet/lease.ts';
import { Doubts } from './doubts.ts';
import type { IdentityRecords } from './identityRecords.ts';
import type { ShardDependencies } from './shardDependencies.ts';

const PROBES_A_ROUND = 20;

/** The connections of a shard's identities, and the jobs that wait for them. */
export class ShardConnections {
  readonly #lease: Lease;
  readonly #records: IdentityRecords;
  readonly #deps: Pick<ShardDependencies, 'connections' | 'queues' | 'settings' | 'log'>;
  readonly #connections = new Map<string, IdentityConnection>();
  /** Jobs that were given back because an identity's connection was not there yet. */
  readonly #jobsOf = new Map<string, Set<string>>();
  #quiet = false;
  #letGo = false;
  readonly #doubts = new Doubts({
    isDetached: (identityId) => this.#isDetached(identityId),
    probe: (identityId) => this.#probe(identityId),
    onError: (identityId, error) => {
      this.#deps.log.debug({ identityId, error: messageOf(error) }, 'policy not looked up');
    },
  });

  constructor(
    lease: Lease,
    records: IdentityRecords,
    deps: Pick<ShardDependencies, 'connections' | 'queues' | 'settings' | 'log'>,
  ) {
    this.#lease = lease;
    this.#records = records;
    this.#deps = deps;
  }

  get allIdle(): boolean {
    return [...this.#connections.values()].every(({ state }) => state === 'idle');
  }

  *states(): Iterable<ConnectionState> {
    for (const { state } of this.#connections.values()) yield state;
  }

  /** Of the connections that are up: those of the others are renewed when they are needed. */
  *credentialExpiries(): Iterable<number> {
    for (const { state, credentialsExpireAt } of this.#connections.values()) {
      if (state === 'connected' && credentialsExpireAt !== undefined) yield credentialsExpireAt;
    }
  }

  /** The one of an identity; it opens when it is asked to be ready. */
  of(identityId: string): IdentityConnection {
    let connection = this.#connections.get(identityId);
    if (connection === undefined) {
      connection = new IdentityConnection(identityId, {
        ...this.#deps.connections,
        lease: this.#lease,
        records: this.#records,
        onConnected: (id) => this.#promote(id, [...(this.#jobsOf.get(id) ?? [])]),
        onActive: (id, wasParked) => this.#activate(id, wasParked),
        report: (id, view) => this.#report(id, view),
      });
      this.#connections.set(identityId, connection);
      // A round or a job that is under way yet may ask for one that nobody would close any more.
      if (this.#quiet) connection.quiet();
      if (this.#letGo) void connection.close();
    }
    return connection;
  }

  /** Has a job run again as soon as the connection is up, unless it is. */
  callWhenUp(identityId: string, jobId: string): void {
    if (this.of(identityId).state === 'connected') return;
    const jobs = this.#jobsOf.get(identityId) ?? new Set();
    this.#jobsOf.set(identityId, jobs.add(jobId));
  }

  /** @returns whether an update that was denied waits for what is found out, instead of ending. */
  denied(identityId: string, verdict: { suspect: boolean; probe: boolean }): boolean {
    return this.#doubts.denied(identityId, verdict);
  }

  /** Tries those that are parked, and whose next try is due. */
  async probeDue(): Promise<void> {
    for (const identityId of await this.#records.dueProbes(Date.now(), PROBES_A_ROUND)) {
      this.#probe(identityId);
    }
  }

  /** Forgets those that nobody needs, and has the others look after themselves. */
  maintain(): void {
    for (const [identityId, connection] of this.#connections) {
      if (connection.forgettable) {
        this.#connections.delete(identityId);
        this.#jobsOf.delete(identityId);
        continue;
      }
      // Not awaited: a renewal may take as long as the spacing of CONNECTs.
      connection.maintain().catch((error: unknown) => {
        this.#deps.log.warn({ error: messageOf(error) }, 'looking after a connection failed');
      });
    }
  }

  /** Whoever waits for one waits no longer: the shard is handed over. */
  quiet(): void {
    this.#quiet = true;
    for (const connection of this.#connections.values()) connection.quiet();
  }

  /** Lets go of all, each in its own time. None opens from now on. */
  async close(): Promise<void> {
    this.#letGo = true;
    await Promise.all([...this.#connections.values()].map((connection) => connection.close()));
  }

  /** Lets go of all at once: the lease was lost. None opens from now on. */
  async abandon(): Promise<void> {
    this.#letGo = true;
    await Promise.all([...this.#connections.values()].map((connection) => connection.abandon()));
  }

  forgetAll(): void {
    this.#connections.clear();
  }

  async #activate(identityId: string, wasParked: boolean): Promise<void> {
    const jobIds = await this.#records.release(identityId);
    if (wasParked) this.#deps.connections.events.emit('identity:released', { identityId });
    this.#promote(identityId, jobIds);
  }

  #promote(identityId: string, jobIds: readonly string[]): void {
    this.#jobsOf.delete(identityId);
    for (const jobId of new Set(jobIds)) {
      // What fails here is found by the sweep.
      this.#deps.queues.promote(this.#lease.shard, jobId).catch(() => undefined);
    }
  }

  async #isDetached(identityId: string): Promise<boolean> {
    const { identity } = await this.#records.read(identityId);
    if (identity.cognitoId === undefined) return false;
    const { attacher } = this.#deps.connections;
    const attached = await attacher.isAttached(identity.cognitoId, this.#lease.lost);
    return attached === false && this.#connections.get(identityId)?.state === 'connected';
  }

  #probe(identityId: string): void {
    this.of(identityId)
      .probe()
      .catch((error: unknown) => {
        this.#deps.log.warn({ identityId, error: messageOf(error) }, 'a probe failed');
      });
  }

  #report(identityId: string, view: Omit<ConnectionView, 'worker' | 'epoch'>): void {
    const worker = this.#deps.settings.workerName;
    this.#records
      .writeConnection(identityId, { ...view, worker, epoch: Number(this.#lease.epoch) })
      .catch((error: unknown) => {
        this.#deps.log.debug({ identityId, error: messageOf(error) }, 'view not written');
      });
  }
}
