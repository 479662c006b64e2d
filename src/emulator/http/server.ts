import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { listenEverywhere } from '../listen.ts';
import { AwsError } from './awsError.ts';
import { type Answer, type Exchange, jsonAnswer, readExchange, sendAnswer } from './exchange.ts';
import { answerJson, jsonError, type JsonService } from './jsonProtocol.ts';
import { type BeforeOperation, HangUp } from './operationFaults.ts';
import { restError } from './restProtocol.ts';

/** Answers a request, or leaves it to the next by answering undefined. */
export type Responder = (exchange: Exchange) => Promise<Answer> | Answer | undefined;

export interface HttpServerParts {
  /** Services told apart by `X-Amz-Target`. */
  readonly services: readonly JsonService[];
  /** Told apart by method and path, asked in this order. */
  readonly responders: readonly Responder[];
  readonly before: BeforeOperation;
  /** Epoch milliseconds for the `Date` header, by which the SDKs correct their clocks. */
  readonly now: () => number;
  /** Called with what should never be thrown: a fault of the emulator's own. */
  readonly onFault: (error: unknown, exchange: Exchange | undefined) => void;
}

export interface HttpServer {
  readonly port: number;
  stop(): Promise<void>;
}

/** Longer than clients keep idle connections, so that none is closed under a new request. */
const KEEP_ALIVE_MS = 120_000;

/** One plain HTTP port for Cognito, the IoT control plane and the emulator's own endpoints. */
export async function startHttpServer(
  parts: HttpServerParts,
  hosts: readonly string[],
  port: number,
): Promise<HttpServer> {
  const listening = await listenEverywhere(() => createListener(parts), hosts, port);
  return {
    port: listening.port,
    stop: async () => {
      await Promise.all(listening.servers.map(close));
    },
  };
}

function createListener(parts: HttpServerParts): Server {
  const server = createServer((request, response) => {
    void serve(parts, request, response);
  });
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.headersTimeout = KEEP_ALIVE_MS + 1000;
  server.on('clientError', (_error, socket) => {
    if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n');
    else socket.destroy();
  });
  return server;
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
    server.closeAllConnections();
  });
}

async function serve(
  parts: HttpServerParts,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  let exchange: Exchange | undefined;
  const send = (answered: Answer): void => {
    sendAnswer(response, exchange?.requestId ?? randomUUID(), parts.now(), answered);
  };
  try {
    exchange = await readExchange(request);
    send(await answer(parts, exchange));
  } catch (error) {
    if (error instanceof HangUp) {
      request.socket.destroy();
    } else if (error instanceof AwsError) {
      send(errorAnswer(error, request));
    } else if (!request.destroyed || request.complete) {
      parts.onFault(error, exchange);
      const internal = new AwsError('InternalFailure', 'The emulator failed on this request.', 500);
      send(errorAnswer(internal, request));
    }
  }
}

async function answer(parts: HttpServerParts, exchange: Exchange): Promise<Answer> {
  if (exchange.headers['x-amz-target'] !== undefined)
    return answerJson(parts.services, exchange, parts.before);
  for (const responder of parts.responders) {
    const answered = await responder(exchange);
    if (answered !== undefined) return answered;
  }
  return jsonAnswer(404, { message: `No operation has ${exchange.method} ${exchange.rawPath}` });
}

function errorAnswer(error: AwsError, request: IncomingMessage): Answer {
  return request.headers['x-amz-target'] === undefined ? restError(error) : jsonError(error);
}
