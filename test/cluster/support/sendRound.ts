import { z } from 'zod';
import type { GraphqlClient } from '../../../src/cli/client/graphql.ts';

const answer = z.object({
  updateShadows: z.object({
    rows: z.array(z.object({ update: z.object({ id: z.string() }) })),
  }),
});

/** Sends updates under an idempotency key; throws unless each of them was accepted. */
export async function sendRound(
  client: GraphqlClient,
  idempotencyKey: string,
  updates: readonly object[],
): Promise<readonly string[]> {
  const { updateShadows } = await client.request(
    `mutation ($input: UpdateShadowsInput!) {
      updateShadows(input: $input) {
        ... on RequestError { code message }
        ... on UpdateShadowsSuccess { rows { update { id } error { code message } } }
      }
    }`,
    { input: { updates, idempotencyKey } },
    answer,
  );
  return updateShadows.rows.map(({ update }) => update.id);
}
