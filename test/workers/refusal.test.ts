import {
  InvalidIdentityPoolConfigurationException,
  NotAuthorizedException as PoolNotAuthorized,
  TooManyRequestsException as PoolTooManyRequests,
} from '@aws-sdk/client-cognito-identity';
import {
  ForbiddenException,
  InternalErrorException,
  NotAuthorizedException,
  PasswordResetRequiredException,
  ResourceNotFoundException,
  TooManyRequestsException,
  UserNotConfirmedException,
  UserNotFoundException,
} from '@aws-sdk/client-cognito-identity-provider';
import {
  InternalFailureException,
  LimitExceededException,
  ResourceNotFoundException as PolicyNotFound,
  ThrottlingException,
  UnauthorizedException,
} from '@aws-sdk/client-iot';
import { expect, test } from 'vitest';
import type { Gate, Stage } from '../../src/shared/domain/sets.ts';
import { classifyCallFailure } from '../../src/workers/aws/refusal.ts';

const from = { $metadata: {}, message: 'as AWS says' };

const DENIED: readonly (readonly [Stage, Error, Gate])[] = [
  ['USER_POOL', new NotAuthorizedException(from), 'USER_POOL_PASSWORD'],
  ['USER_POOL', new UserNotFoundException(from), 'USER_POOL_USER_STATE'],
  ['USER_POOL', new UserNotConfirmedException(from), 'USER_POOL_USER_STATE'],
  ['USER_POOL', new PasswordResetRequiredException(from), 'USER_POOL_USER_STATE'],
  ['USER_POOL', new ResourceNotFoundException(from), 'USER_POOL_CLIENT'],
  ['USER_POOL', new ForbiddenException(from), 'USER_POOL_CLIENT'],
  ['IDENTITY_POOL', new PoolNotAuthorized(from), 'IDENTITY_POOL_LOGIN'],
  ['IDENTITY_POOL', new InvalidIdentityPoolConfigurationException(from), 'ROLE_MAPPING'],
  ['ATTACH_POLICY', new PolicyNotFound(from), 'IOT_POLICY_NOT_FOUND'],
  ['ATTACH_POLICY', new LimitExceededException(from), 'IOT_POLICY_LIMIT'],
  ['ATTACH_POLICY', new UnauthorizedException(from), 'WORKER_ROLE'],
];

for (const [stage, error, gate] of DENIED) {
  test(`${error.name} at ${stage} is refused at ${gate}, with a remedy`, () => {
    const failure = classifyCallFailure(stage, error);
    expect(failure).toMatchObject({ kind: 'denied', denial: { stage, gate } });
    if (failure.kind !== 'denied') return;
    expect(failure.denial.message).toContain('as AWS says');
    expect(failure.denial.remedy).not.toBe('');
  });
}

const TRANSIENT: readonly (readonly [Stage, Error, boolean])[] = [
  ['USER_POOL', new TooManyRequestsException(from), true],
  ['USER_POOL', new InternalErrorException(from), false],
  ['IDENTITY_POOL', new PoolTooManyRequests(from), true],
  ['ATTACH_POLICY', new ThrottlingException(from), true],
  ['ATTACH_POLICY', new InternalFailureException(from), false],
  ['USER_POOL', Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }), false],
];

for (const [stage, error, throttled] of TRANSIENT) {
  test(`${error.name} (${error.message}) at ${stage} is worth another try`, () => {
    expect(classifyCallFailure(stage, error)).toMatchObject({ kind: 'transient', throttled });
  });
}

test('the same name means something else at another stage', () => {
  expect(classifyCallFailure('USER_POOL', new PoolNotAuthorized(from))).toMatchObject({
    kind: 'denied',
    denial: { gate: 'USER_POOL_PASSWORD' },
  });
  expect(classifyCallFailure('ATTACH_POLICY', new NotAuthorizedException(from)).kind).toBe(
    'transient',
  );
});

test('the text of an error decides nothing, and what is not even an error is transient', () => {
  const error = new Error('NotAuthorizedException: Incorrect username or password.');
  expect(classifyCallFailure('USER_POOL', error).kind).toBe('transient');
  expect(classifyCallFailure('USER_POOL', 'AWS_ERROR_SOMETHING')).toEqual({
    kind: 'transient',
    throttled: false,
    message: 'Error: AWS_ERROR_SOMETHING',
  });
});
