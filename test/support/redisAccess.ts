import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generate } from 'selfsigned';
import { freePort } from './freePort.ts';
import { startRedis } from './redisServer.ts';

/** What the product's user may do, as docs/operations.md names it. */
const RIGHTS = ['~{*', '+@all', '-@dangerous', '+info'];
/** With what would end or change a URL, were it not encoded. */
const PASSWORD = 'open/se@me #50%?:';
const ADMIN = { username: 'admin', password: 'admin-of-the-tests' } as const;

/**
 * How clients get at a Redis that asks for more than an address: TLS with a certificate for
 * loopback on a port of its own, and a user with a password on every port.
 */
export class RedisAccess {
  /** Node's NODE_EXTRA_CA_CERTS, and the servers' own certificate. */
  readonly caFile: string;
  /** Of a test's own clients, which may do everything. */
  readonly login = `${ADMIN.username}:${ADMIN.password}`;
  readonly #directory: string;

  private constructor(directory: string) {
    this.#directory = directory;
    this.caFile = join(directory, 'ca.pem');
  }

  static async create(): Promise<RedisAccess> {
    const access = new RedisAccess(realpathSync(mkdtempSync(join(tmpdir(), 'courier-access-'))));
    const made = await generate([{ name: 'commonName', value: 'Redis of a test' }], {
      keyType: 'ec',
      curve: 'P-256',
      algorithm: 'sha256',
      // No purpose named: to the other nodes of a cluster a server is a client.
      extensions: [
        { name: 'basicConstraints', cA: true, critical: true },
        { name: 'keyUsage', digitalSignature: true, keyCertSign: true, critical: true },
        { name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] },
      ],
    });
    writeFileSync(access.caFile, made.cert);
    writeFileSync(access.#keyFile, made.private);
    return access;
  }

  /** What must not show up of the password: as it is, and as a URL has it. */
  readonly secrets = [PASSWORD, encodeURIComponent(PASSWORD)] as const;

  serverArguments(tlsPort: number): readonly string[] {
    return [
      ['--tls-port', String(tlsPort), '--tls-auth-clients', 'no'],
      ['--tls-cert-file', this.caFile, '--tls-key-file', this.#keyFile],
      ['--tls-ca-cert-file', this.caFile],
      ['--user', 'default', 'off'],
      ['--user', ADMIN.username, 'on', `>${ADMIN.password}`, '~*', '&*', '+@all'],
      ['--user', 'courier', 'on', `>${PASSWORD}`, ...RIGHTS],
      ['--masteruser', ADMIN.username, '--masterauth', ADMIN.password],
    ].flat();
  }

  /** Where the product finds it. */
  url(tlsPort: number): string {
    return `rediss://courier:${encodeURIComponent(PASSWORD)}@127.0.0.1:${tlsPort}`;
  }

  get #keyFile(): string {
    return join(this.#directory, 'key.pem');
  }

  remove(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** Whether this redis-server was built with TLS, as those of the usual packages are. */
export async function knowsTls(): Promise<boolean> {
  const access = await RedisAccess.create();
  try {
    const args = access.serverArguments(await freePort());
    await (await startRedis({ login: access.login, args })).stop();
    return true;
  } catch (error) {
    if (/tls/i.test(String(error))) return false;
    throw error;
  } finally {
    access.remove();
  }
}
