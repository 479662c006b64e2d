import { pino } from 'pino';
import { loadWorkerConfig } from '../../../src/shared/config/worker.ts';
import { parseVaultKeys } from '../../../src/shared/vault/keys.ts';
import { Vault } from '../../../src/shared/vault/vault.ts';
import { createAwsClients, destroyAwsClients } from '../../../src/workers/aws/clients.ts';
import { createBudgets } from '../../../src/workers/budgets/budgets.ts';
import type { SharedConnectionDependencies } from '../../../src/workers/connection/connectionDependencies.ts';
import { ConnectionSlots } from '../../../src/workers/connection/connectionSlots.ts';
import { createCrtRuntime } from '../../../src/workers/connection/crtRuntime.ts';
import { IdentityConnection } from '../../../src/workers/connection/identityConnection.ts';
import { IdentityPool } from '../../../src/workers/credentials/identityPool.ts';
import { PolicyAttacher } from '../../../src/workers/credentials/policyAttacher.ts';
import { UserPool } from '../../../src/workers/credentials/userPool.ts';
import { EventBus, type WorkerEvents } from '../../../src/workers/events.ts';
import type { Lease } from '../../../src/workers/fleet/lease.ts';
import { LeaseStore } from '../../../src/workers/fleet/leaseStore.ts';
import { RedisClock } from '../../../src/workers/fleet/redisClock.ts';
import { connectionSettings } from '../../../src/workers/settings.ts';
import { IdentityRecords } from '../../../src/workers/shard/identityRecords.ts';
import type { Fleet } from './fleet.ts';

export interface OneConnection {
  readonly connection: IdentityConnection;
  readonly lease: Lease;
  readonly states: readonly WorkerEvents['connection:state']['to'][];
  readonly lost: readonly WorkerEvents['connection:lost']['kind'][];
  /** What the connections of the worker share. */
  readonly shared: SharedConnectionDependencies;
  /** Calls of `onActive` so far. */
  readonly announced: () => number;
  stop(): Promise<void>;
}

/** A shard with a real lease on it, and what its connections share; no worker around it. */
export async function ownedShard(
  fleet: Fleet,
  identityId: string,
  settings: Readonly<Record<string, string>> = {},
) {
  const config = loadWorkerConfig(fleet.environment({ LEASE_MS: '60000', ...settings }));
  const ofConnections = connectionSettings(config);
  const events = new EventBus(pino({ level: 'silent' }));
  const { redis, keys } = fleet;
  const budgets = createBudgets(redis, keys, config);
  const aws = createAwsClients(config);
  const { shard } = await fleet.identity(identityId);
  const leases = new LeaseStore(redis, keys, config.SHARD_COUNT);
  const lease = await leases.acquire(shard, 'test', config.LEASE_MS);
  if (lease === undefined) throw new Error("the shard is somebody else's");
  const vaultKeys = parseVaultKeys(fleet.environment()['VAULT_KEYS'] ?? '');
  if (typeof vaultKeys === 'string') throw new Error(vaultKeys);
  const records = new IdentityRecords(redis, keys, lease, new Vault(vaultKeys), new RedisClock());
  const shared: SharedConnectionDependencies = {
    runtime: createCrtRuntime(ofConnections.caPem),
    settings: ofConnections,
    budgets,
    events,
    slots: new ConnectionSlots(config.MAX_CONNECTIONS),
    attacher: new PolicyAttacher(aws.iot, config.IOT_POLICY_NAME, budgets, events),
    credentials: {
      userPool: new UserPool(
        aws.userPool,
        config.COGNITO_CLIENT_ID,
        config.COGNITO_CLIENT_SECRET,
        config.REFRESH_TOKEN_ROTATION === 'on',
      ),
      identityPool: new IdentityPool(aws.identityPool, {
        region: config.AWS_REGION,
        userPoolId: config.COGNITO_USER_POOL_ID,
        identityPoolId: config.COGNITO_IDENTITY_POOL_ID,
      }),
      budgets,
      events,
      refreshAheadMs: config.REFRESH_AHEAD_MS,
    },
  };
  return { config, events, lease, records, shared, stop: () => destroyAwsClients(aws) };
}

/** The connection of one identity with a real lease on its shard, and no worker around it. */
export async function oneConnection(
  fleet: Fleet,
  identityId: string,
  options: {
    readonly settings?: Readonly<Record<string, string>>;
    /** Instead of making the identity active; may throw. */
    readonly onActive?: () => Promise<void>;
  } = {},
): Promise<OneConnection> {
  const { events, lease, records, shared, stop } = await ownedShard(
    fleet,
    identityId,
    options.settings,
  );
  const states: WorkerEvents['connection:state']['to'][] = [];
  const lost: WorkerEvents['connection:lost']['kind'][] = [];
  events.on('connection:state', ({ to }) => states.push(to));
  events.on('connection:lost', ({ kind }) => lost.push(kind));
  let announced = 0;
  const connection = new IdentityConnection(identityId, {
    ...shared,
    lease,
    records,
    onConnected: () => undefined,
    onActive: async (id) => {
      announced += 1;
      if (options.onActive === undefined) await records.release(id);
      else await options.onActive();
    },
    report: () => undefined,
  });
  return {
    connection,
    lease,
    shared,
    states,
    lost,
    announced: () => announced,
    stop: async () => {
      await connection.close();
      stop();
    },
  };
}
