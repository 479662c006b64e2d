import { io } from 'aws-iot-device-sdk-v2';
import { OpeningGate } from './openingGate.ts';

/**
 * What all connections of a process share. A TLS context parses the system's trust store when it
 * is made: one for all costs 0.9 ms of CPU a connection, one each (as the SDK's builder does)
 * 15 to 20 ms.
 */
export interface CrtRuntime {
  readonly bootstrap: io.ClientBootstrap;
  readonly tlsContext: io.ClientTlsContext;
  readonly socketOptions: io.SocketOptions;
  readonly opening: OpeningGate;
}

const CONNECT_TIMEOUT_MS = 10_000;
/** Handshakes of 0.2 s, as over the internet, make the 500 CONNECTs/s that AWS allows an account. */
const OPENING_AT_ONCE = 100;

/** `caPem` replaces the system's trust store; leave it out for AWS. */
export function createCrtRuntime(caPem: string | undefined): CrtRuntime {
  const tls = new io.TlsContextOptions();
  if (caPem !== undefined) tls.override_default_trust_store(caPem);
  tls.verify_peer = true;
  return {
    bootstrap: new io.ClientBootstrap(),
    tlsContext: new io.ClientTlsContext(tls),
    socketOptions: new io.SocketOptions(
      io.SocketType.STREAM,
      io.SocketDomain.IPV4,
      CONNECT_TIMEOUT_MS,
    ),
    opening: new OpeningGate(OPENING_AT_ONCE),
  };
}
