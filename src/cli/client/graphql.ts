import { z } from 'zod';
import { CliFailure, EXIT } from '../failure.ts';

const envelope = z.object({
  data: z.unknown(),
  errors: z.array(z.object({ message: z.string() })).optional(),
});

/** Sends GraphQL requests with a bearer token; what comes back is checked before it is used. */
export class GraphqlClient {
  readonly #url: string;
  readonly #token: string;

  constructor(url: string, token: string) {
    this.#url = url;
    this.#token = token;
  }

  /** @throws CliFailure with what the API said. */
  async request<T>(
    query: string,
    variables: Readonly<Record<string, unknown>>,
    schema: z.ZodType<T>,
  ): Promise<T> {
    const response = await fetch(this.#url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${this.#token}` },
      body: JSON.stringify({ query, variables }),
    }).catch((error: unknown) => {
      throw this.#failure(error instanceof Error ? error.message : String(error));
    });
    const text = await response.text();
    const { data, errors } = envelope.parse(parseJson(text) ?? {});
    if (errors !== undefined) throw this.#failure(errors.map((error) => error.message).join('\n'));
    if (!response.ok) throw this.#failure(`HTTP ${response.status}: ${text.slice(0, 300)}`);
    return schema.parse(data);
  }

  #failure(detail: string): CliFailure {
    return new CliFailure(`The API at ${this.#url} could not answer.`, 'Look at its log.', {
      exitCode: EXIT.unavailable,
      detail,
    });
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
