import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import type { createWebPages } from './webPages.ts';
import { QUEUES } from './webPages.ts';

const PAGES: ReadonlySet<string> = new Set(['/', '/login', '/logout', QUEUES]);

/** Whether a browser asks for a page; everything else is the API's. */
function isForPages({ url = '', method, headers }: IncomingMessage): boolean {
  if (url === '/graphql' && method === 'POST') return false;
  const path = url.split('?', 1)[0] ?? '';
  if (PAGES.has(path) || path.startsWith(`${QUEUES}/`)) return true;
  // GraphiQL; operations come by POST.
  return path === '/graphql' && method === 'GET' && headers.accept?.includes('text/html') === true;
}

/** Gives every request to the pages or to the API. */
export function createRequestListener(
  api: (request: IncomingMessage, response: ServerResponse) => unknown,
  pages: ReturnType<typeof createWebPages>,
): RequestListener {
  const servePages = getRequestListener(pages.fetch);
  return (request, response) => {
    void (isForPages(request) ? servePages(request, response) : api(request, response));
  };
}
