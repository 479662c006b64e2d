import { lookup } from 'node:dns';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { LookupFunction } from 'node:net';
import type { AttemptOutcome } from '../../shared/domain/webhook.ts';
import { CourierError, messageOf } from '../../shared/errors/courierError.ts';
import type { AllowedNetworks } from '../../shared/webhooks/networks.ts';
import { refused, webhookUrlProblem } from '../../shared/webhooks/webhookUrl.ts';

export interface WebhookPost {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly timeoutMs: number;
  readonly networks: AllowedNetworks;
}

export interface WebhookAnswer {
  readonly outcome: AttemptOutcome;
  /** Absent where there was no answer. */
  readonly status: number | undefined;
  /** Why it does not count as delivered; absent where it does. */
  readonly error: string | undefined;
}

/** Of an answer, so much is read; nothing in it matters but its status. */
const MAX_ANSWER_BYTES = 16_384;

/**
 * Sends one delivery. The address is checked when it is connected to, after the name was resolved:
 * a name that points elsewhere by then does not get around it. Redirects are not followed.
 */
export async function postWebhook(post: WebhookPost): Promise<WebhookAnswer> {
  const problem = webhookUrlProblem(post.url, post.networks);
  if (problem !== undefined) return unanswered(problem, post.timeoutMs);
  try {
    return answered(await send(post));
  } catch (error) {
    return unanswered(error, post.timeoutMs);
  }
}

function answered(status: number): WebhookAnswer {
  if (status >= 200 && status < 300) return { outcome: 'delivered', status, error: undefined };
  if (status >= 300 && status < 400) {
    return { outcome: 'http_3xx', status, error: 'Redirects are not followed.' };
  }
  return { outcome: status < 500 ? 'http_4xx' : 'http_5xx', status, error: `HTTP ${status}` };
}

function send({ url, headers, body, timeoutMs, networks }: WebhookPost): Promise<number> {
  const secure = url.startsWith('https:');
  const bytes = Buffer.from(body);
  let answered = false;
  return new Promise((resolve, reject) => {
    const request = (secure ? requestHttps : requestHttp)(
      url,
      {
        method: 'POST',
        // A connection of its own: no other one's address was checked for this name.
        agent: false,
        lookup: checkedLookup(networks, secure),
        signal: AbortSignal.timeout(timeoutMs),
        headers: {
          'content-type': 'application/json',
          'content-length': bytes.byteLength,
          'user-agent': 'shadow-courier',
          ...headers,
        },
      },
      (response) => {
        answered = true;
        let received = 0;
        response.on('data', (chunk: Buffer) => {
          received += chunk.byteLength;
          if (received > MAX_ANSWER_BYTES) response.destroy();
        });
        // The status counts, however the rest of the answer ends.
        response.once('close', () => resolve(response.statusCode ?? 0));
        response.once('error', () => undefined);
      },
    );
    request.on('error', reject);
    // An answer that switches protocols comes as neither an answer nor an error.
    request.once('close', () => {
      if (!answered) reject(new Error('The connection ended without an answer.'));
    });
    request.end(bytes);
  });
}

/** Resolves a name and refuses it where any of its addresses must not be called. */
function checkedLookup(networks: AllowedNetworks, secure: boolean): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return callback(error, []);
      // Without TLS only what was allowed by name is called: nobody else could read along there.
      const wrong = addresses.find(({ address }) =>
        secure ? !networks.allows(address) : !networks.lists(address),
      );
      const [first] = addresses;
      if (wrong !== undefined) return callback(refused(wrong.address), []);
      if (options.all === true) return callback(null, addresses);
      return callback(null, first?.address ?? '', first?.family);
    });
  };
}

function unanswered(error: unknown, timeoutMs: number): WebhookAnswer {
  const status = undefined;
  if (error instanceof CourierError) {
    return { outcome: 'refused_address', status, error: error.message };
  }
  if (error instanceof Error && (error.name === 'TimeoutError' || error.name === 'AbortError')) {
    return { outcome: 'timeout', status, error: `No answer within ${timeoutMs} ms.` };
  }
  return { outcome: 'network', status, error: messageOf(error).slice(0, 300) };
}
