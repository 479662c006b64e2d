import { afterAll, beforeAll } from 'vitest';
import { type RedisServer, type RedisServerOptions, startRedis } from './redisServer.ts';

/**
 * One redis-server for the tests of this file or `describe`: call it at the top, and the
 * result inside the tests. Tests in one file share it, hence a `uniquePrefix()` for each.
 */
export function useRedis(options: RedisServerOptions = {}): () => RedisServer {
  let server: RedisServer | undefined;
  beforeAll(async () => {
    server = await startRedis(options);
  });
  afterAll(async () => {
    await server?.stop();
  });
  return () => {
    if (server === undefined) {
      throw new Error('Redis is there inside tests and hooks only');
    }
    return server;
  };
}
