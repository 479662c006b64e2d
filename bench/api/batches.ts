import { Agent } from 'node:http';
import { post } from './load.ts';

export interface BatchLoadOptions {
  readonly url: string;
  readonly token: string;
  readonly identityIds: readonly string[];
  readonly seconds: number;
}

/** The most that one mutation takes. */
export const ROWS = 1000;
const CALLERS = 2;

const QUERY = `mutation ($input: UpdateShadowsInput!) {
  updateShadows(input: $input) {
    ... on UpdateShadowsSuccess { accepted batch { id } rows { index update { id } error { code } } }
    ... on Error { code }
  }
}`;

/** Sends batches for a while, each of which must be accepted whole. @returns the rows taken in. */
export async function loadBatches(
  options: BatchLoadOptions,
): Promise<{ readonly rows: number; readonly seconds: number }> {
  const { identityIds, seconds } = options;
  const agent = new Agent({ keepAlive: true, maxSockets: CALLERS });
  const body = bodyOf(identityIds);
  const startedAt = performance.now();
  let rows = 0;
  const caller = async () => {
    while (performance.now() - startedAt < seconds * 1000) {
      const answer = await post(options, agent, body);
      if (!answer.includes(`"accepted":${ROWS},`)) throw new Error(answer.slice(0, 500));
      rows += ROWS;
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
  agent.destroy();
  return { rows, seconds: (performance.now() - startedAt) / 1000 };
}

function bodyOf(identityIds: readonly string[]): string {
  const updates = Array.from({ length: ROWS }, (_, n) => ({
    identityId: identityIds[n % identityIds.length],
    thing: `device_${n}`,
    desired: { power: n % 2 === 0 ? 'ON' : 'OFF' },
  }));
  return JSON.stringify({ query: QUERY, variables: { input: { updates } } });
}
