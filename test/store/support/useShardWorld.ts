import { afterEach } from 'vitest';
import { useStore } from '../../support/useStore.ts';
import { ShardWorld } from './shardWorld.ts';

/**
 * Opens worlds on the Redis of this file, or on the cluster of its project; each is closed when its
 * test ends.
 */
export function useShardWorld(): () => Promise<ShardWorld> {
  const store = useStore();
  const worlds: ShardWorld[] = [];
  afterEach(async () => {
    await Promise.all(worlds.splice(0).map((world) => world.close()));
  });
  return async () => {
    const world = await ShardWorld.open(store());
    worlds.push(world);
    return world;
  };
}
