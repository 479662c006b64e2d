/** Binds several addresses to one port, so that `localhost` works over IPv4 and IPv6 alike. */
import type { AddressInfo, Server } from 'node:net';

const ATTEMPTS = 20;

function bind(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.removeListener('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}

function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
}

/**
 * Listens on every host with one server each, all on the same port. Port 0 takes a free one. A
 * host whose address family the machine lacks is left out, as long as one remains.
 */
export async function listenEverywhere<S extends Server>(
  create: () => S,
  hosts: readonly string[],
  port: number,
): Promise<{ readonly port: number; readonly servers: readonly S[] }> {
  for (let attempt = 1; ; attempt += 1) {
    const servers: S[] = [];
    let bound = port;
    try {
      for (const host of hosts) {
        const server = create();
        try {
          bound = await bind(server, host, bound);
          servers.push(server);
        } catch (error) {
          const absent = ['EADDRNOTAVAIL', 'EAFNOSUPPORT'].includes(codeOf(error));
          if (!absent || hosts.length === 1) throw error;
        }
      }
      if (servers.length === 0) throw new Error(`None of ${hosts.join(', ')} can be listened on`);
      return { port: bound, servers };
    } catch (error) {
      await Promise.all(servers.map(close));
      // A free port of one address may be taken on the next: try another one.
      if (port !== 0 || codeOf(error) !== 'EADDRINUSE' || attempt === ATTEMPTS) throw error;
    }
  }
}
