import type { UpdateRequest } from '../shared/domain/update.ts';
import { CourierError } from '../shared/errors/courierError.ts';
import type { ApiContext } from './context.ts';

/** A request with its group's id in the place of its name, and what is wrong with who sends it. */
interface Targeted {
  readonly request: UpdateRequest;
  readonly problem: CourierError | undefined;
}

/** Looks up the groups that requests name, each once. */
export async function targeted(
  requests: readonly UpdateRequest[],
  context: Pick<ApiContext, 'groups'>,
): Promise<readonly Targeted[]> {
  const names = new Set<string>();
  for (const { groupId } of requests) if (groupId !== undefined) names.add(groupId);
  const ids = new Map<string, string | undefined>();
  if (names.size > 0) {
    const find = async (name: string) => ids.set(name, (await context.groups.find(name))?.id);
    await Promise.all([...names].map(find));
  }
  return requests.map((request) => one(request, ids.get(request.groupId ?? '')));
}

function one(request: UpdateRequest, groupId: string | undefined): Targeted {
  if (request.groupId === undefined && request.identityId !== '') {
    return { request, problem: undefined };
  }
  const { groupId: name, ...others } = request;
  if (name === undefined || request.identityId !== '') {
    return { request: { ...others, identityId: '' }, problem: targetInvalid() };
  }
  if (groupId !== undefined) return { request: { ...others, groupId }, problem: undefined };
  return { request: others, problem: groupNotFound(name) };
}

function targetInvalid(): CourierError {
  return new CourierError(
    'TARGET_INVALID',
    'An update is sent as one identity, or through one group.',
    'Give identityId or group, and not both.',
  );
}

function groupNotFound(name: string): CourierError {
  return new CourierError(
    'GROUP_NOT_FOUND',
    `No group is called "${name.slice(0, 64)}".`,
    'Look at groups, or make it with createGroup.',
  );
}
