import { updateShadow } from './operations.ts';
import type { TestApi } from './testApi.ts';

export const UPDATE_EVENTS = /* GraphQL */ `
  subscription ($ids: [ID!], $filter: UpdateEventFilter, $after: String) {
    updateEvents(ids: $ids, filter: $filter, after: $after) {
      cursor type updateId state failureCode thing identityId batchId waitReason
      update { id state cancellation { actor } }
    }
  }
`;

const CANCEL =
  'mutation ($input: CancelUpdateInput!) { cancelUpdate(input: $input) { __typename } }';

/** Sends an update; gives its id. */
export async function sendOne(
  api: TestApi,
  identityId: string,
  thing = 'device_1',
): Promise<string> {
  const answer = await updateShadow(api, { identityId, thing, desired: { power: 'ON' } });
  return answer.update.id as string;
}

export const cancel = (api: TestApi, updateId: string) => api.run(CANCEL, { input: { updateId } });

/** Sends an update and ends it; gives its id. */
export async function endOne(api: TestApi, identityId: string, thing?: string): Promise<string> {
  const id = await sendOne(api, identityId, thing);
  await cancel(api, id);
  return id;
}
