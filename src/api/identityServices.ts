import type { ShardQueues } from '../shared/queue/shardQueues.ts';
import type { RedisClient } from '../shared/redis/client.ts';
import type { Keys } from '../shared/redis/keys.ts';
import { FleetControl } from '../shared/store/fleetControl.ts';
import { GroupDirectory } from '../shared/store/groupDirectory.ts';
import { IdentityDirectory } from '../shared/store/identityDirectory.ts';
import { IdentityEditor } from '../shared/store/identityEditor.ts';
import { IdentityIndex } from '../shared/store/identityIndex.ts';
import type { Vault } from '../shared/vault/vault.ts';

/** What the API does with identities and groups of them. */
export function identityServices(
  redis: RedisClient,
  keys: Keys,
  queues: ShardQueues,
  vault: Vault,
  settings: { readonly shardCount: number; readonly retentionMs: number },
) {
  const { shardCount } = settings;
  return {
    directory: new IdentityDirectory(redis, keys, queues, vault, shardCount),
    identityIndex: new IdentityIndex(redis, keys, shardCount),
    identityEditor: new IdentityEditor(redis, keys, queues, settings),
    groups: new GroupDirectory(redis, keys, shardCount),
    fleetControl: new FleetControl(redis, keys, queues, shardCount),
  };
}
