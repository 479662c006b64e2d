import { afterEach } from 'vitest';
import { useRedis } from '../../support/useRedis.ts';
import { ShardWorld } from './shardWorld.ts';

/** Opens worlds on the Redis of this file; each is closed when its test ends. */
export function useShardWorld(): () => Promise<ShardWorld> {
  const redis = useRedis();
  const worlds: ShardWorld[] = [];
  afterEach(async () => {
    await Promise.all(worlds.splice(0).map((world) => world.close()));
  });
  return async () => {
    const world = await ShardWorld.open(redis().url);
    worlds.push(world);
    return world;
  };
}
