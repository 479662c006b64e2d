import type { HttpBindings } from '@hono/node-server';
import { type Context, Hono, type MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { deleteCookie, setCookie } from 'hono/cookie';
import { reaches } from '../../shared/domain/roles.ts';
import { CourierError, messageOf } from '../../shared/errors/courierError.ts';
import type { Logger } from '../../shared/observability/logger.ts';
import type { AuditNote, RequestAudit } from '../audit.ts';
import type { Authenticator } from '../authentication/authenticator.ts';
import type { Caller } from '../caller.ts';
import { loginPage } from './loginPage.ts';
import { type BoardQueue, createQueueBoard } from './queueBoard.ts';
import { isSameOrigin } from './sameOrigin.ts';
import { SESSION_COOKIE, type Sessions } from './sessions.ts';

export const QUEUES = '/queues';
const GRAPHIQL = '/graphql';
const START = '/';
/** Node takes no longer header either, in which a token would otherwise be sent. */
const MAX_FORM_BYTES = 16_384;

/** The form, and its styles which stand in the page. */
const LOGIN_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/** Bull Board's own files; it writes styles as it goes. The fonts that it would fetch stay out. */
const BOARD_POLICY =
  "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; form-action 'self'; base-uri 'self'; frame-ancestors 'none'";

interface Environment {
  readonly Bindings: Partial<HttpBindings>;
  readonly Variables: { caller: Caller };
}

export interface WebPagesOptions {
  /** That knows sessions. */
  readonly authenticate: Authenticator;
  readonly sessions: Sessions;
  readonly queues: readonly BoardQueue[];
  /** GraphiQL's page; none where it is turned off. */
  readonly graphiql: ((request: Request) => Response | Promise<Response>) | undefined;
  readonly log: Logger;
  /** The audit of what somebody does from a page. */
  readonly audit: (caller: Caller, request: Request, address: string | undefined) => RequestAudit;
}

/**
 * What people open in a browser: GraphiQL, and Bull Board, which only an admin may change anything
 * with. Both ask for the same tokens as the API, by a page to sign in with.
 */
export function createWebPages(options: WebPagesOptions): Hono<Environment> {
  const { authenticate, sessions, queues, graphiql, audit, log } = options;
  const board = createQueueBoard(queues, { path: QUEUES, readOnly: false });
  const forAll = queues.filter(({ forAdmins }) => forAdmins !== true);
  const readOnlyBoard = createQueueBoard(forAll, { path: QUEUES, readOnly: true });
  const places = [START, QUEUES, ...(graphiql === undefined ? [] : [GRAPHIQL])];
  const known = (next: unknown) => places.find((place) => place === next) ?? START;

  const signedIn: MiddlewareHandler<Environment> = async (c, next) => {
    try {
      c.set('caller', await authenticate(c.req.raw));
    } catch (error) {
      if (!(error instanceof CourierError)) throw error;
      const { code, message, remedy } = error;
      if (code === 'STORE_UNAVAILABLE' || code === 'ISSUER_UNAVAILABLE') {
        return c.text(`${message} ${remedy}`, 503, { 'retry-after': '5' });
      }
      const isPage = c.req.method === 'GET' && c.req.header('accept')?.includes('text/html');
      if (!isPage) return c.json({ error: message, code, remedy }, 401);
      const from = known(c.req.path.startsWith(QUEUES) ? QUEUES : c.req.path);
      return c.redirect(`/login?next=${encodeURIComponent(from)}`);
    }
    return next();
  };

  const app = new Hono<Environment>();
  app.use('/login', policy(LOGIN_POLICY));
  // Whoever sends it has not proved yet who they are.
  const onError = (c: Context) => c.text('This is no form of the sign-in.', 413);
  app.use('/login', bodyLimit({ maxSize: MAX_FORM_BYTES, onError }));
  app.use(`${QUEUES}/*`, policy(BOARD_POLICY));
  app.get('/login', (c) => c.html(loginPage({ next: known(c.req.query('next')) })));
  app.post('/login', async (c) => {
    const form = await c.req.parseBody();
    const next = known(form['next']);
    const token = typeof form['token'] === 'string' ? form['token'].trim() : '';
    const again = async (problem: string) => c.html(loginPage({ next, problem }), 401);
    if (!isSameOrigin(c.req.raw)) return again('Sign in from this page.');
    try {
      const headers = new Headers({ authorization: `Bearer ${token}` });
      await authenticate({ url: c.req.url, headers });
    } catch (error) {
      if (error instanceof CourierError) return again(error.message);
      throw error;
    }
    const sealed = sessions.seal(token);
    if (sealed === undefined) return again('The token is too long for a session.');
    const maxAge = Math.floor(sessions.ttlMs / 1000);
    setCookie(c, SESSION_COOKIE, sealed, { ...cookieOptions(c), maxAge });
    return c.redirect(next, 303);
  });
  app.get('/logout', (c) => {
    deleteCookie(c, SESSION_COOKIE, cookieOptions(c));
    return c.redirect('/login');
  });
  app.get(START, signedIn, (c) => c.redirect(graphiql === undefined ? QUEUES : GRAPHIQL));
  if (graphiql !== undefined) app.get(GRAPHIQL, signedIn, (c) => graphiql(c.req.raw));
  app.get(`${QUEUES}/`, (c) => c.redirect(QUEUES));
  app.use(`${QUEUES}/*`, signedIn);
  app.all(`${QUEUES}/*`, async (c) => {
    const caller = c.get('caller');
    // The board shows what queries would: none of it is an operation that the token names.
    if (caller.operations !== undefined) {
      return c.json({ error: 'The token was made for single operations, not for this page.' }, 403);
    }
    const mayChange = reaches(caller.role, 'admin');
    if (c.req.method === 'GET') return (mayChange ? board : readOnlyBoard).fetch(c.req.raw);
    if (!mayChange) return c.json({ error: 'Only an admin may change queues and jobs.' }, 403);
    if (!isSameOrigin(c.req.raw)) return c.json({ error: 'Use the board itself.' }, 403);
    const subjects = [c.req.path.slice(`${QUEUES}/api/`.length)];
    const action = `queueBoard:${c.req.method}`;
    const entry = audit(caller, c.req.raw, c.env?.incoming?.socket.remoteAddress);
    return entry.run({ action, subjects, input: {} }, async () => {
      const answer = await board.fetch(c.req.raw);
      entry.note({ ended: endOf(answer) });
      return answer;
    });
  });
  app.onError((error, c) => {
    if (error instanceof CourierError) return c.text(`${error.message} ${error.remedy}`, 503);
    log.error({ error: messageOf(error), path: c.req.path }, 'a page failed');
    return c.text('This failed, and the log of the API says why.', 500);
  });
  return app;
}

function policy(text: string): MiddlewareHandler<Environment> {
  return async (c, next) => {
    await next();
    c.header('content-security-policy', text);
  };
}

/** What the board's answer says of what was asked: it throws nothing. */
function endOf({ status }: Response): AuditNote['ended'] {
  if (status < 400) return { outcome: 'DONE' };
  return { outcome: status < 500 ? 'REFUSED' : 'UNKNOWN', code: `HTTP_${status}` };
}

/** Whoever forges the header of a proxy only has a browser keep the cookie to itself. */
function cookieOptions(c: Context) {
  const secure = c.req.url.startsWith('https:') || c.req.header('x-forwarded-proto') === 'https';
  return { path: '/', httpOnly: true, sameSite: 'Strict', secure } as const;
}
