import { generate } from 'selfsigned';
import { DAY_MS } from '../world/duration.ts';

/** PEM texts. */
export interface CertificateAuthority {
  readonly key: string;
  readonly cert: string;
}

/** PEM texts of a certificate authority made for one run and of the server's certificate. */
export interface Certificates {
  readonly caCert: string;
  readonly caKey: string;
  readonly key: string;
  readonly cert: string;
}

/**
 * The server's certificate for `localhost`, loopback and `hostname`, signed by the authority that is given or by a new one. P-256
 * throughout: quick to make, and known to every TLS library that connects here.
 */
export async function createCertificates(
  nowMs: number,
  known?: CertificateAuthority,
  hostname = 'localhost',
): Promise<Certificates> {
  const ca = known ?? (await createAuthority(nowMs));
  const server = await generate([{ name: 'commonName', value: 'localhost' }], {
    ...lifeFrom(nowMs),
    ca,
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: [
          ...[...new Set(['localhost', hostname])].map((value) => ({ type: 2, value }) as const),
          { type: 7, ip: '127.0.0.1' },
          { type: 7, ip: '::1' },
        ],
      },
    ],
  });
  return { caCert: ca.cert, caKey: ca.key, key: server.private, cert: server.cert };
}

async function createAuthority(nowMs: number): Promise<CertificateAuthority> {
  const made = await generate([{ name: 'commonName', value: 'Shadow Courier emulator CA' }], {
    ...lifeFrom(nowMs),
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
  return { key: made.private, cert: made.cert };
}

function lifeFrom(nowMs: number) {
  return {
    // A day back, so that a client whose clock is behind does not refuse them.
    notBeforeDate: new Date(nowMs - DAY_MS),
    notAfterDate: new Date(nowMs + 3650 * DAY_MS),
    algorithm: 'sha256',
    keyType: 'ec',
    curve: 'P-256',
  } as const;
}
