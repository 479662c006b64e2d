import { afterEach } from 'vitest';
import { type Json, TOKEN, type TestApi } from './testApi.ts';

/** One block of a stream of server-sent events. */
export interface Block {
  readonly event: string;
  readonly id: string | undefined;
  readonly data: Json;
}

export interface TestStream {
  readonly status: number;
  readonly headers: Headers;
  /** The blocks that are events, in order; ends where the server ends the stream. */
  readonly events: AsyncGenerator<Block, void>;
  /** The ids of all blocks so far, also of those that are no events. */
  readonly ids: readonly string[];
  /** The next event of the subscription: its payload. */
  next(): Promise<Json>;
  /** Hangs up. */
  close(): Promise<void>;
}

const open: TestStream[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((stream) => stream.close()));
});

/** Subscribes as a well-behaved client, until the test ends. */
export async function follow(
  api: TestApi,
  query: string,
  variables: object = {},
  { lastEventId, token = TOKEN }: { lastEventId?: string; token?: string } = {},
): Promise<TestStream> {
  const hangUp = new AbortController();
  const response = await api.respond({
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'text/event-stream',
      authorization: `Bearer ${token}`,
      ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
    },
    body: JSON.stringify({ query, variables }),
    signal: hangUp.signal,
  });
  const ids: string[] = [];
  const reader = (response.body ?? new ReadableStream()).getReader();
  const events = readEvents(reader, ids);
  const stream: TestStream = {
    status: response.status,
    headers: response.headers,
    events,
    ids,
    async next() {
      const { value, done } = await events.next();
      if (done === true) throw new Error('the stream has ended');
      const { errors, data } = value.data;
      if (errors !== undefined) throw new Error(JSON.stringify(errors));
      return Object.values(data)[0];
    },
    async close() {
      // The signal first: a stream in which nothing happens hears of nothing else.
      hangUp.abort();
      await reader.cancel();
    },
  };
  open.push(stream);
  return stream;
}

async function* readEvents(
  reader: ReadableStreamDefaultReader,
  ids: string[],
): AsyncGenerator<Block, void> {
  const decoder = new TextDecoder();
  let text = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    text += decoder.decode(value as Uint8Array, { stream: true });
    for (let end = text.indexOf('\n\n'); end !== -1; end = text.indexOf('\n\n')) {
      const lines = text.slice(0, end).split('\n');
      text = text.slice(end + 2);
      const field = (name: string) =>
        lines
          .find((line) => line.startsWith(`${name}:`))
          ?.slice(name.length + 1)
          .trim();
      const id = field('id');
      if (id !== undefined) ids.push(id);
      const event = field('event');
      const data = field('data');
      if (event !== undefined) yield { event, id, data: data ? JSON.parse(data) : undefined };
    }
  }
}
