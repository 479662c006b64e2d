import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type Service, service } from '../shared/lifecycle/service.ts';
import { closeServer, listen } from '../shared/observability/opsServer.ts';
import type { ApiMetrics } from './metrics.ts';

const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;

export interface HttpServerOptions {
  readonly host: string;
  readonly port: number;
  readonly handler: RequestListener;
  readonly metrics: ApiMetrics;
}

export interface HttpServer extends Service {
  /** Where it listens, once started: `http://host:port`. */
  readonly url: string;
}

/** Serves the API until it is stopped, and then finishes the requests that are running. */
export function createHttpServer(options: HttpServerOptions): HttpServer {
  const { host, port, handler, metrics } = options;
  const running = new Set<ServerResponse>();
  // What of a connection is counted already; it carries many requests.
  const counted = new WeakMap<Socket, { readonly read: number; readonly written: number }>();
  const countBytes = (socket: Socket) => {
    const { bytesRead: read, bytesWritten: written } = socket;
    const before = counted.get(socket) ?? { read: 0, written: 0 };
    counted.set(socket, { read, written });
    metrics.bytes.inc({ direction: 'in' }, read - before.read);
    metrics.bytes.inc({ direction: 'out' }, written - before.written);
  };
  let stopping = false;
  const server = createServer(
    { requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: HEADERS_TIMEOUT_MS },
    (request, response) => {
      running.add(response);
      metrics.running.inc();
      if (stopping) response.setHeader('connection', 'close');
      response.once('close', () => {
        running.delete(response);
        metrics.running.dec();
        countBytes(request.socket);
      });
      handler(request, response);
    },
  );
  let url = '';
  const parts = service({
    name: 'graphql server',
    start: async () => {
      url = await listen(server, host, port);
    },
    stop: async (deadline) => {
      stopping = true;
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
