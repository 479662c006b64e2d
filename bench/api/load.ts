import { Agent, request } from 'node:http';

export interface LoadOptions {
  readonly url: string;
  readonly token: string;
  /** Requests in flight at any time, each on a connection that is kept. */
  readonly connections: number;
  readonly seconds: number;
  /** The body of the nth request. */
  readonly body: (n: number) => string;
}

export interface LoadResult {
  readonly requests: number;
  readonly seconds: number;
  /** Answers that were not what was asked for, by their beginning. */
  readonly odd: ReadonlyMap<string, number>;
}

/** Sends request after request for a while; each answer must hold an update's id. */
export async function load(options: LoadOptions): Promise<LoadResult> {
  const { connections, seconds, body } = options;
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const odd = new Map<string, number>();
  const startedAt = performance.now();
  let sent = 0;
  let answered = 0;
  const lane = async () => {
    while (performance.now() - startedAt < seconds * 1000) {
      sent += 1;
      const text = await post(options, agent, body(sent));
      answered += 1;
      if (!text.includes('"update":{"id":"')) {
        odd.set(text.slice(0, 200), (odd.get(text.slice(0, 200)) ?? 0) + 1);
      }
    }
  };
  await Promise.all(Array.from({ length: connections }, lane));
  agent.destroy();
  return { requests: answered, seconds: (performance.now() - startedAt) / 1000, odd };
}

/** Sends an operation. @returns what came back. */
export function post(
  { url, token }: Pick<LoadOptions, 'url' | 'token'>,
  agent: Agent,
  body: string,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      authorization: `Bearer ${token}`,
    };
    const sending = request(url, { method: 'POST', agent, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve(text));
      response.on('error', reject);
    });
    sending.on('error', reject);
    sending.end(body);
  });
}
