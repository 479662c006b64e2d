const PATIENCE_MS = 2000;

/**
 * What a scrape reads from Redis; undefined where Redis does not answer in time. A worker whose
 * Redis is away must still be scraped, for the rest of what it knows.
 */
export async function inTime<T>(reading: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), PATIENCE_MS);
  });
  try {
    return await Promise.race([reading.catch(() => undefined), late]);
  } finally {
    clearTimeout(timer);
  }
}
