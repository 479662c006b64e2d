import { desiredProblem, type ShadowLimits } from '../domain/desired.ts';
import { isIdentityId } from '../domain/ids.ts';
import { labelsProblem } from '../domain/labels.ts';
import { shadowNameProblem, thingNameProblem } from '../domain/shadow.ts';
import type { UpdateRequest } from '../domain/update.ts';
import { CourierError } from '../errors/courierError.ts';
import { startProblem } from './start.ts';
import { identityNotFound } from './updateIntake.ts';

/** The first thing wrong with a request, or nothing. Looks at the request alone, not at Redis. */
export function requestProblem(
  request: UpdateRequest,
  limits: ShadowLimits,
  now: number,
): CourierError | undefined {
  // A group whose member could not be found out says why itself.
  const routed = request.groupId === undefined || request.identityId !== '';
  if (routed && !isIdentityId(request.identityId)) return identityNotFound(request.identityId);
  const thing = thingNameProblem(request.thing);
  if (thing !== undefined) {
    return new CourierError('THING_NAME_INVALID', thing, 'Correct the thing name.');
  }
  const shadow = request.shadow === undefined ? undefined : shadowNameProblem(request.shadow);
  if (shadow !== undefined) {
    return new CourierError('SHADOW_NAME_INVALID', shadow, 'Correct the shadow name.');
  }
  const desired = desiredProblem(request.desired, limits);
  if (desired !== undefined) {
    return new CourierError('DESIRED_INVALID', desired, 'Correct the desired document.');
  }
  const labels = labelsProblem(request.labels);
  if (labels !== undefined) return labels;
  const version = request.expectedVersion;
  if (version !== undefined && !(Number.isSafeInteger(version) && version >= 0)) {
    return new CourierError(
      'EXPECTED_VERSION_INVALID',
      'The expected version must be a whole number, 0 or more.',
      "Use the version that the shadow's last answer carried, or leave it out.",
    );
  }
  if (request.expiresAt !== undefined && request.expiresAt <= now) {
    return new CourierError(
      'EXPIRES_AT_INVALID',
      'expiresAt lies in the past.',
      'Give a time in the future, or leave it out.',
    );
  }
  const start = startProblem(request, now);
  if (start !== undefined) return start;
  return undefined;
}
