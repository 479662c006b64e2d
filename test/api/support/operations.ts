import type { Json, TestApi } from './testApi.ts';

export const REGISTER = /* GraphQL */ `
  mutation ($input: RegisterIdentityInput!) {
    registerIdentity(input: $input) {
      __typename
      ... on RegisterIdentitySuccess {
        identity { id username label status cognitoId pendingUpdates }
      }
      ... on Error { code message remedy }
    }
  }
`;

export const UPDATE_SHADOW = /* GraphQL */ `
  mutation ($input: UpdateShadowInput!) {
    updateShadow(input: $input) {
      __typename
      ... on UpdateShadowSuccess { update { id state } }
      ... on Error { code message remedy }
    }
  }
`;

export const UPDATE_SHADOWS = /* GraphQL */ `
  mutation ($input: UpdateShadowsInput!) {
    updateShadows(input: $input) {
      __typename
      ... on UpdateShadowsSuccess {
        accepted
        refused
        rows { index update { id } error { code message remedy } }
      }
      ... on Error { code message remedy }
    }
  }
`;

/** Registers a user of this name; gives its identity's id. */
export async function register(api: TestApi, username = 'alice'): Promise<string> {
  const data: Json = await api.run(REGISTER, { input: { username, password: 'her-password' } });
  return data.registerIdentity.identity.id as string;
}

/** Sends an update; gives the mutation's answer, an error of ours included. */
export async function updateShadow(api: TestApi, input: object, token?: string): Promise<Json> {
  const data: Json = await api.run(UPDATE_SHADOW, { input }, token);
  return data.updateShadow;
}

export async function updateShadows(api: TestApi, input: object): Promise<Json> {
  const data: Json = await api.run(UPDATE_SHADOWS, { input });
  return data.updateShadows;
}

/** All keys of a deployment, but for what BullMQ's queues say of themselves once they are made. */
export async function keysOf({ redis, keys }: TestApi): Promise<string[]> {
  const all = await redis.keys(`*${keys.prefix}*`);
  return all.filter((key) => !key.endsWith(':meta')).toSorted();
}

/** What every key of Redis holds, as text. */
export async function dumpRedis(api: TestApi): Promise<string> {
  const parts: string[] = [];
  for (const key of await api.redis.keys('*')) {
    const type = await api.redis.type(key);
    const command = (
      {
        string: ['GET', key],
        hash: ['HGETALL', key],
        list: ['LRANGE', key, '0', '-1'],
        set: ['SMEMBERS', key],
        zset: ['ZRANGE', key, '0', '-1'],
        stream: ['XRANGE', key, '-', '+'],
      } as Record<string, [string, ...string[]]>
    )[type];
    if (command === undefined) throw new Error(`${key} is a ${type}`);
    const [name, ...args] = command;
    parts.push(key, JSON.stringify(await api.redis.call(name, ...args)));
  }
  return parts.join('\n');
}
