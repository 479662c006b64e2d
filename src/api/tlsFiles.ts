import { readFileSync, unwatchFile, watchFile } from 'node:fs';
import type { Server } from 'node:https';
import { createSecureContext } from 'node:tls';
import { CourierError, messageOf } from '../shared/errors/courierError.ts';
import type { Logger } from '../shared/observability/logger.ts';

/** Where the certificate chain and its private key are, as PEM. */
export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** Files of a mounted secret change by a link's being moved, which only looking again shows. */
const LOOK_EVERY_MS = 10_000;

/** @throws CONFIG_INVALID for files that cannot be read, or do not fit each other. */
export function readTls({ certFile, keyFile }: TlsFiles): { cert: Buffer; key: Buffer } {
  try {
    const read = { cert: readFileSync(certFile), key: readFileSync(keyFile) };
    createSecureContext(read);
    return read;
  } catch (error) {
    throw new CourierError(
      'CONFIG_INVALID',
      `API_TLS_CERT_FILE and API_TLS_KEY_FILE are no certificate with its key: ${messageOf(error)}.`,
      'Set them to PEM files: the chain, the own certificate first, and its private key.',
    );
  }
}

/**
 * Takes the certificate that the files have from now on, whenever they change and at SIGHUP; new
 * connections get it. One that is not good is not taken, and said so. Answers how to end that.
 */
export function followTlsFiles(server: Server, files: TlsFiles, log: Logger): () => void {
  const renew = () => {
    try {
      server.setSecureContext(readTls(files));
      log.info({ certFile: files.certFile }, 'the certificate was read anew');
    } catch (error) {
      log.error({ error: messageOf(error) }, 'the certificate stays as it was');
    }
  };
  const paths = [files.certFile, files.keyFile];
  for (const path of paths) watchFile(path, { interval: LOOK_EVERY_MS, persistent: false }, renew);
  process.on('SIGHUP', renew);
  return () => {
    for (const path of paths) unwatchFile(path, renew);
    process.off('SIGHUP', renew);
  };
}
