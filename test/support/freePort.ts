import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** What was given away here, where somebody may be about to listen. */
const given = new Set<number>();

/**
 * A TCP port of 127.0.0.1 on which nobody listens. Taken from below the ranges that Linux
 * (32768 up) and macOS (49152 up) use for outgoing connections: a server that is restarted on
 * its port then never finds it lent to somebody's client.
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const port = randomInt(10_000, 32_000);
    if (given.has(port)) continue;
    given.add(port);
    if (await isFree(port)) {
      return port;
    }
  }
  throw new Error('no free port between 10000 and 32000 in 100 attempts');
}

async function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
