import { createServer, type Server, type ServerResponse } from 'node:http';
import type { Registry } from 'prom-client';
import { CourierError, messageOf } from '../errors/courierError.ts';
import { type Service, service } from '../lifecycle/service.ts';
import type { Logger } from './logger.ts';

/** A reason not to be ready, or not to live any longer, as a sentence; nothing when all is well. */
export type Check = () => Promise<string | undefined> | string | undefined;

export interface OpsServerOptions {
  readonly host: string;
  readonly port: number;
  readonly registry: Registry;
  readonly ready: Check;
  readonly live: Check;
  readonly log: Logger;
}

export interface OpsServer extends Service {
  /** Where it listens, once started: `http://host:port`. */
  readonly url: string;
}

/** `/metrics`, `/livez` and `/readyz` of a process: 200 with `ok`, or 503 with the reason. */
export function createOpsServer(options: OpsServerOptions): OpsServer {
  const server = createServer((request, response) => {
    answer(request.url ?? '/', response, options).catch((error: unknown) => {
      options.log.error({ error: messageOf(error) }, 'ops request failed');
      reply(response, 500, 'text/plain', 'internal error\n');
    });
  });
  let url = '';
  const parts = service({
    name: 'ops server',
    start: async () => {
      url = await listen(server, options.host, options.port);
      options.log.info({ url: `${url}/metrics` }, 'metrics and health are served');
    },
    stop: () => closeServer(server),
  });
  return {
    ...parts,
    get url() {
      return url;
    },
  };
}

async function answer(path: string, response: ServerResponse, options: OpsServerOptions) {
  switch (new URL(path, 'http://ops').pathname) {
    case '/metrics':
      reply(response, 200, options.registry.contentType, await options.registry.metrics());
      return;
    case '/livez':
      return replyCheck(response, options.live);
    case '/readyz':
      return replyCheck(response, options.ready);
    default:
      reply(response, 404, 'text/plain', 'Here are /metrics, /livez and /readyz.\n');
  }
}

async function replyCheck(response: ServerResponse, check: Check): Promise<void> {
  const problem = await check();
  if (problem === undefined) reply(response, 200, 'text/plain', 'ok\n');
  else reply(response, 503, 'text/plain', `${problem}\n`);
}

function reply(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' });
  response.end(body);
}

/**
 * Listens and answers the URL.
 * @throws LISTEN_FAILED, for a port in use above all.
 */
export async function listen(server: Server, host: string, port: number): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const why = error.code === 'EADDRINUSE' ? 'it is in use' : error.message;
      reject(
        new CourierError(
          'LISTEN_FAILED',
          `Cannot listen on ${host}:${port}: ${why}.`,
          'Stop what uses the port, set another one, or set it to 0 for a free one.',
        ),
      );
    });
    server.listen(port, host, resolve);
  });
  const address = server.address();
  const bound = typeof address === 'object' && address !== null ? address.port : port;
  return `http://${host.includes(':') ? `[${host}]` : host}:${bound}`;
}

export async function closeServer(server: Server): Promise<void> {
  if (!server.listening) return;
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
}
