import { generate } from 'selfsigned';
import { DAY_MS } from '../world/duration.ts';

/** PEM texts of a certificate authority made for one run and of the server's certificate. */
export interface Certificates {
  readonly caCert: string;
  readonly key: string;
  readonly cert: string;
}

/** P-256 throughout: quick to make, and known to every TLS library that connects here. */
export async function createCertificates(nowMs: number): Promise<Certificates> {
  const life = {
    // A day back, so that a client whose clock is behind does not refuse them.
    notBeforeDate: new Date(nowMs - DAY_MS),
    notAfterDate: new Date(nowMs + 365 * DAY_MS),
    algorithm: 'sha256',
    keyType: 'ec',
    curve: 'P-256',
  } as const;
  const ca = await generate([{ name: 'commonName', value: 'Shadow Courier emulator CA' }], {
    ...life,
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
  const server = await generate([{ name: 'commonName', value: 'localhost' }], {
    ...life,
    ca: { key: ca.private, cert: ca.cert },
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' },
          { type: 7, ip: '::1' },
        ],
      },
    ],
  });
  return { caCert: ca.cert, key: server.private, cert: server.cert };
}
