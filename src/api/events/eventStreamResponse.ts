import type { Plugin } from 'graphql-yoga';
import { type ExecutionResult, GraphQLError } from 'graphql';
import type { ServerContext } from '../requestFacts.ts';
import type { TopLevelCode } from '../topLevelCodes.ts';

/** What a subscription and its answer know of each other. */
export interface StreamFacts {
  /** The header Last-Event-ID: where a client that reconnects wants to go on. */
  readonly lastEventId: string | undefined;
  /** The cursor of the event that is being answered. */
  eventCursor?: string;
  /** Up to here everything was sent. */
  placeCursor?: string;
  /** Whether it ended without being over: the client should come back. */
  interrupted?: () => boolean;
  /** Ends the subscription, whatever it waits for. */
  end?: () => void;
}

const NOT_ACCEPTABLE: TopLevelCode = 'NOT_ACCEPTABLE';

/** Nobody is left waiting for the end of an answer that has none. */
function notAcceptable(_results: unknown, { Response }: { Response: typeof globalThis.Response }) {
  const message =
    'A subscription is answered as server-sent events: send "Accept: text/event-stream".';
  return Response.json(
    { errors: [{ message, extensions: { code: NOT_ACCEPTABLE } }] },
    { status: 406 },
  );
}

type Results = AsyncIterable<ExecutionResult> | ExecutionResult;

const MEDIA_TYPE = 'text/event-stream';
const MAX_CURSOR = 100;
const COMPLETE = 'event: complete\ndata:\n\n';
/** How long a client waits before it comes back, in ms. */
const RETRY_MS = 1000;

/**
 * Answers subscriptions as server-sent events, as graphql-sse has it in its distinct connections
 * mode, with more than Yoga's own does: the cursor of each event as its id, also while nothing
 * happens, and an end without `complete` where the client should come back.
 */
export function useEventStreams(heartbeatMs: number): Plugin<object, ServerContext> {
  return {
    onSubscribe({ args }) {
      // Comes before what makes the operation's context of this.
      const server = args.contextValue as ServerContext & { readonly request: Request };
      const lastEventId = server.request.headers.get('last-event-id');
      const known = lastEventId !== null && lastEventId.length <= MAX_CURSOR;
      server.stream = { lastEventId: known ? lastEventId : undefined };
    },
    onResultProcess(hook) {
      const { result, request, serverContext, acceptableMediaTypes } = hook;
      if (!isAsyncIterable(result)) return;
      const end = () => serverContext.stream?.end?.();
      request.signal.addEventListener('abort', end, { once: true });
      // Its client may have gone while the subscription began.
      if (request.signal.aborted) end();
      acceptableMediaTypes.push(MEDIA_TYPE);
      if (!request.headers.get('accept')?.includes(MEDIA_TYPE)) {
        end();
        hook.setResultProcessor(notAcceptable, 'application/json');
        return;
      }
      const facts: StreamFacts = serverContext.stream ?? { lastEventId: undefined };
      hook.setResultProcessor(
        (results, { Response }) =>
          new Response(eventStream(results as Results, facts, heartbeatMs), {
            headers: { 'content-type': MEDIA_TYPE, 'cache-control': 'no-cache' },
          }),
        MEDIA_TYPE,
      );
    },
  };
}

/**
 * One block an event. Nothing is asked of the source before the last block has been taken. Where
 * it fails, the last event tells why, with the code of the error.
 */
function eventStream(results: Results, facts: StreamFacts, heartbeatMs: number): ReadableStream {
  const iterator = isAsyncIterable(results) ? results[Symbol.asyncIterator]() : once(results);
  const encoder = new TextEncoder();
  let heartbeat: NodeJS.Timeout | undefined;
  return new ReadableStream({
    start(controller) {
      const send = (text: string) => controller.enqueue(encoder.encode(text));
      // With where it begins: who is cut off before the first event comes back to there.
      send(`retry: ${RETRY_MS}\n${idLine(facts.placeCursor)}\n`);
      heartbeat = setInterval(() => {
        const room = controller.desiredSize;
        // The source failed, and the stream with it: nothing else tells.
        if (room === null) clearInterval(heartbeat);
        else if (room > 0) send(`:\n${idLine(facts.placeCursor)}\n`);
      }, heartbeatMs);
    },
    async pull(controller) {
      const send = (text: string) => controller.enqueue(encoder.encode(text));
      const { done, value, failed } = await nextOf(iterator);
      if (failed !== undefined) {
        clearInterval(heartbeat);
        send(`event: next\ndata: ${JSON.stringify({ errors: [failed] })}\n\n${COMPLETE}`);
        controller.close();
        return;
      }
      if (done !== true) {
        send(`event: next\n${idLine(facts.eventCursor)}data: ${JSON.stringify(value)}\n\n`);
        // Only now: a comment must not be ahead of an event that is still being answered.
        if (facts.eventCursor !== undefined) facts.placeCursor = facts.eventCursor;
        return;
      }
      clearInterval(heartbeat);
      // The place where it is interrupted is where the client goes on.
      if (facts.interrupted?.() === true) send(`:\n${idLine(facts.placeCursor)}\n`);
      else send(COMPLETE);
      controller.close();
    },
    async cancel() {
      clearInterval(heartbeat);
      facts.end?.();
      await iterator.return?.();
    },
  });
}

interface Step {
  readonly done?: boolean | undefined;
  readonly value?: ExecutionResult;
  readonly failed?: GraphQLError;
}

/** The next result, or why there is none. An error comes here as callers may see it. */
async function nextOf(iterator: AsyncIterator<ExecutionResult>): Promise<Step> {
  try {
    return await iterator.next();
  } catch (error) {
    if (error instanceof GraphQLError) return { failed: error };
    throw error;
  }
}

function idLine(cursor: string | undefined): string {
  return cursor === undefined ? '' : `id: ${cursor}\n`;
}

async function* once(result: ExecutionResult): AsyncGenerator<ExecutionResult> {
  yield result;
}

function isAsyncIterable(value: unknown): value is AsyncIterable<ExecutionResult> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}
