import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import { type Service, service } from '../shared/lifecycle/service.ts';
import type { Logger } from '../shared/observability/logger.ts';
import { closeServer, listen } from '../shared/observability/opsServer.ts';
import type { ApiMetrics } from './metrics.ts';
import { securityHeaders } from './securityHeaders.ts';
import { followTlsFiles, readTls, type TlsFiles } from './tlsFiles.ts';

const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
const IN = { direction: 'in' } as const;
const OUT = { direction: 'out' } as const;

export interface HttpServerOptions {
  readonly host: string;
  readonly port: number;
  readonly handler: RequestListener;
  readonly metrics: ApiMetrics;
  /** Serves HTTPS with this certificate; plain HTTP without. */
  readonly tls?: TlsFiles | undefined;
  readonly log: Logger;
}

export interface HttpServer extends Service {
  /** Where it listens, once started: `http://host:port`, or `https:`. */
  readonly url: string;
}

/**
 * Serves the API until it is stopped, and then finishes the requests that are running.
 * @throws CONFIG_INVALID from `start` for a certificate that is not good.
 */
export function createHttpServer(options: HttpServerOptions): HttpServer {
  const { host, port, handler, metrics, tls, log } = options;
  const headers = securityHeaders(tls !== undefined);
  const running = new Set<ServerResponse>();
  // What of a connection is counted already; it carries many requests.
  const counted = new WeakMap<Socket, { read: number; written: number }>();
  const countBytes = (socket: Socket) => {
    const { bytesRead: read, bytesWritten: written } = socket;
    let before = counted.get(socket);
    if (before === undefined) {
      before = { read: 0, written: 0 };
      counted.set(socket, before);
    }
    metrics.bytes.inc(IN, read - before.read);
    metrics.bytes.inc(OUT, written - before.written);
    before.read = read;
    before.written = written;
  };
  let stopping = false;
  const listener: RequestListener = (request, response) => {
    running.add(response);
    metrics.running.inc();
    for (const [name, value] of headers) response.setHeader(name, value);
    if (stopping) response.setHeader('connection', 'close');
    response.once('close', () => {
      running.delete(response);
      metrics.running.dec();
      countBytes(request.socket);
    });
    // Where two programs read a length differently, one's body is the other's next request.
    const coding = request.headers['transfer-encoding'];
    if (coding === undefined || coding.toLowerCase() === 'chunked') handler(request, response);
    else response.writeHead(501, { connection: 'close' }).end();
  };
  const timeouts = { requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: HEADERS_TIMEOUT_MS };
  const tlsServer = tls && createTlsServer(timeouts, listener);
  const server = tlsServer ?? createServer(timeouts, listener);
  let unfollow = () => {};
  let url = '';
  const parts = service({
    name: 'graphql server',
    start: async () => {
      if (tls !== undefined && tlsServer !== undefined) {
        tlsServer.setSecureContext(readTls(tls));
        unfollow = followTlsFiles(tlsServer, tls, log);
      }
      const plain = await listen(server, host, port);
      url = tls === undefined ? plain : plain.replace(/^http:/, 'https:');
    },
    stop: async (deadline) => {
      stopping = true;
      unfollow();
      // A kept-alive connection would hold the server open after its last answer.
      for (const response of running) {
        if (!response.headersSent) response.setHeader('connection', 'close');
      }
      deadline.addEventListener('abort', () => server.closeAllConnections(), { once: true });
      await closeServer(server);
    },
  });
  return {
    ...parts,
    get url() {
      return url;
    },
  };
}
