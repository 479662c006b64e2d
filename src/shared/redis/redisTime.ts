/** Redis's clock, in milliseconds since 1970; of a cluster, that of one of its nodes. */
export async function redisTime(redis: {
  readonly time: () => Promise<readonly (number | string)[]>;
}): Promise<number> {
  const [seconds, micros] = await redis.time();
  return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
}
