import { z } from 'zod';
import { CliFailure } from '../failure.ts';
import type { GraphqlClient } from './graphql.ts';

const time = z.iso.datetime().transform((value) => Date.parse(value));

const denialFields = {
  stage: z.string(),
  gate: z.string(),
  message: z.string(),
  remedy: z.string(),
};

const identity = z.object({
  id: z.string(),
  username: z.string(),
  status: z.string(),
  cognitoId: z.string().nullable(),
  pendingUpdates: z.number(),
  quarantine: z.object({ ...denialFields, since: time, probeAt: time.nullable() }).nullable(),
  connection: z.object({ state: z.string(), worker: z.string() }).nullable(),
});
export type IdentityView = z.infer<typeof identity>;

const IDENTITY = `
  id username status cognitoId pendingUpdates
  quarantine { stage gate message remedy since probeAt }
  connection { state worker }`;

const update = z.object({
  id: z.string(),
  thing: z.string(),
  state: z.string(),
  milestone: z.string().nullable(),
  version: z.number().nullable(),
  tries: z.number(),
  wait: z
    .object({ reason: z.string(), detail: z.string().nullable(), until: time.nullable() })
    .nullable(),
  failure: z
    .object({
      code: z.string(),
      message: z.string(),
      remedy: z.string(),
      stage: z.string().nullable(),
      gate: z.string().nullable(),
    })
    .nullable(),
  createdAt: time,
  finishedAt: time.nullable(),
});
export type UpdateView = z.infer<typeof update>;

const UPDATE = `
  id thing state milestone version tries
  wait { reason detail until }
  failure { code message remedy stage gate }
  createdAt finishedAt`;

const refusal = z.object({
  __typename: z.literal('RequestError'),
  code: z.string(),
  message: z.string(),
  remedy: z.string(),
});
const REFUSAL = '__typename ... on RequestError { code message remedy }';

export interface NewUpdate {
  readonly identityId: string;
  readonly thing: string;
  readonly desired: Readonly<Record<string, unknown>>;
}

/** As many as one mutation takes, and one query gives. */
export const MAX_ROWS = 1000;

/** The part of the API that the commands use, as an internal tool would use it. */
export class Courier {
  readonly #client: GraphqlClient;

  constructor(client: GraphqlClient) {
    this.#client = client;
  }

  async register(user: { username: string; password: string }): Promise<IdentityView> {
    const success = z.object({ __typename: z.literal('RegisterIdentitySuccess'), identity });
    const { result } = await this.#client.request(
      `mutation ($input: RegisterIdentityInput!) {
        result: registerIdentity(input: $input) {
          ${REFUSAL} ... on RegisterIdentitySuccess { identity { ${IDENTITY} } }
        }
      }`,
      { input: user },
      z.object({ result: z.union([success, refusal]) }),
    );
    if (result.__typename === 'RequestError') throw refused('registerIdentity', result);
    return result.identity;
  }

  async identity(id: string): Promise<IdentityView> {
    const answer = await this.#client.request(
      `query ($id: ID!) { identity(id: $id) { ${IDENTITY} } }`,
      { id },
      z.object({ identity }),
    );
    return answer.identity;
  }

  async send(input: NewUpdate): Promise<UpdateView> {
    const success = z.object({ __typename: z.literal('UpdateShadowSuccess'), update });
    const { result } = await this.#client.request(
      `mutation ($input: UpdateShadowInput!) {
        result: updateShadow(input: $input) {
          ${REFUSAL} ... on UpdateShadowSuccess { update { ${UPDATE} } }
        }
      }`,
      { input },
      z.object({ result: z.union([success, refusal]) }),
    );
    if (result.__typename === 'RequestError') throw refused('updateShadow', result);
    return result.update;
  }

  /** Sends up to `MAX_ROWS`; answers their ids, and throws where a row was refused. */
  async sendAll(updates: readonly NewUpdate[]): Promise<readonly string[]> {
    const row = z.object({
      update: z.object({ id: z.string() }).nullable(),
      error: refusal.omit({ __typename: true }).nullable(),
    });
    const success = z.object({
      __typename: z.literal('UpdateShadowsSuccess'),
      rows: z.array(row),
    });
    const { result } = await this.#client.request(
      `mutation ($input: UpdateShadowsInput!) {
        result: updateShadows(input: $input) {
          ${REFUSAL}
          ... on UpdateShadowsSuccess {
            rows { update { id } error { code message remedy } }
          }
        }
      }`,
      { input: { updates } },
      z.object({ result: z.union([success, refusal]) }),
    );
    if (result.__typename === 'RequestError') throw refused('updateShadows', result);
    return result.rows.map((one) => {
      if (one.update === null) throw refused('updateShadows', one.error ?? UNEXPLAINED);
      return one.update.id;
    });
  }

  async update(id: string): Promise<UpdateView> {
    const [found] = await this.updates([id]);
    if (found === undefined) throw refused('update', UNEXPLAINED);
    return found;
  }

  /** Any number; asked for in parts. Throws where one is not there. */
  async updates(ids: readonly string[]): Promise<readonly UpdateView[]> {
    const found: UpdateView[] = [];
    for (let at = 0; at < ids.length; at += MAX_ROWS) {
      const answer = await this.#client.request(
        `query ($ids: [ID!]!) { updatesById(ids: $ids) { ${UPDATE} } }`,
        { ids: ids.slice(at, at + MAX_ROWS) },
        z.object({ updatesById: z.array(update) }),
      );
      found.push(...answer.updatesById);
    }
    return found;
  }
}

const UNEXPLAINED = { code: 'NOT_FOUND', message: 'It is not there.', remedy: 'Report this.' };

function refused(
  operation: string,
  error: { code: string; message: string; remedy: string },
): CliFailure {
  return new CliFailure(
    `${operation} was refused: ${error.message} (${error.code})`,
    error.remedy,
    {
      exitCode: 1,
    },
  );
}
