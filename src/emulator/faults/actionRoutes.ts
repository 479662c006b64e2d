import type { DeviceFaultControl, DropRequest } from '../contract.ts';
import { AwsError } from '../http/awsError.ts';
import type { ControlRoute } from '../http/controlEndpoint.ts';
import { type Input, InputReader, parseInput } from '../http/input.ts';
import type { IdentitySide } from '../world/identitySide.ts';
import type { AwsClock } from '../world/awsClock.ts';
import type { OperationFaults } from './operationFaults.ts';

const invalid = (message: string) => new AwsError('InvalidRequestException', message);
const read = new InputReader(invalid);
const MAX_MS = 86_400_000;

export interface ActionParts {
  readonly identitySide: IdentitySide;
  readonly deviceSide: DeviceFaultControl;
  readonly operations: OperationFaults;
  readonly clock: AwsClock;
}

/** `POST /_emulator/actions/…`: what an operator, a network or time does, done at once. */
export function actionRoutes(parts: ActionParts): readonly ControlRoute[] {
  const { identitySide, deviceSide, operations, clock } = parts;
  const { userPool, credentials, iotControl } = identitySide;
  const action = (name: string, run: (input: Input) => object): ControlRoute => ({
    method: 'POST',
    path: `/actions/${name}`,
    answer: (exchange) => run(parseInput(exchange.body)),
  });

  return [
    action('drop-connections', (input) => ({ dropped: deviceSide.drop(readDrop(input)) })),
    action('freeze', (input) => {
      const durationMs = readNumber(input, 'durationMs', 1, MAX_MS);
      const side = read.oneOf({ side: 'both', ...input }, 'side', ['http', 'mqtt', 'both']);
      if (side !== 'mqtt') operations.freeze(durationMs);
      if (side !== 'http') deviceSide.freeze(durationMs);
      return { durationMs, side };
    }),
    action('clock-skew', (input) => {
      clock.skewMs = readNumber(input, 'ms', -10 * MAX_MS, 10 * MAX_MS);
      return { ms: clock.skewMs };
    }),
    action('propagation', (input) => {
      const minMs = readNumber(input, 'minMs', 0, MAX_MS);
      const maxMs = readNumber(input, 'maxMs', minMs, MAX_MS, minMs);
      iotControl.propagation.setDelay(minMs, maxMs);
      return { minMs, maxMs };
    }),
    action('expire-credentials', (input) => ({
      expired: credentials.expire(read.optionalString(input, 'identityId')),
    })),
    action('attach-policy', (input) => {
      const policy = iotControl.policies.get(read.string(input, 'policyName'));
      iotControl.attachments.attach(policy.name, read.string(input, 'target'));
      return {};
    }),
    action('detach-policy', (input) => {
      const target = read.string(input, 'target');
      const only = read.optionalString(input, 'policyName');
      const attached = iotControl.attachments.policiesOf(target);
      const detached = only === undefined ? attached : attached.filter((name) => name === only);
      for (const name of detached) iotControl.attachments.detach(name, target);
      return { detached };
    }),
    action('set-user', (input) => {
      const username = read.string(input, 'username');
      const user = userPool.setUser({
        username,
        password: read.optionalString(input, 'password'),
        status: readStatus(input),
        enabled: read.optionalBoolean(input, 'enabled'),
        totpSecret: read.optionalString(input, 'totpSecret'),
      });
      return { username: user.username, sub: user.sub, status: user.status, enabled: user.enabled };
    }),
    action('sign-out-user', (input) => {
      userPool.signOut(read.string(input, 'username'));
      return {};
    }),
  ];
}

function readDrop(input: Input): DropRequest {
  const clientIds = read.stringList(input, 'clientIds');
  const how = read.oneOf({ how: 'sever', ...input }, 'how', ['sever', 'close', 'disconnect']);
  return {
    ...(input['clientIds'] === undefined ? {} : { clientIds }),
    share: readNumber(input, 'share', 0, 1, 1),
    how,
    ...(input['reasonCode'] === undefined
      ? {}
      : { reasonCode: readNumber(input, 'reasonCode', 0x80, 0xff) }),
  };
}

function readStatus(input: Input) {
  if (input['status'] === undefined) return undefined;
  return read.oneOf(input, 'status', [
    'UNCONFIRMED',
    'CONFIRMED',
    'RESET_REQUIRED',
    'FORCE_CHANGE_PASSWORD',
  ]);
}

function readNumber(
  input: Input,
  name: string,
  min: number,
  max: number,
  fallback?: number,
): number {
  const value = input[name] ?? fallback;
  if (typeof value === 'number' && value >= min && value <= max) return value;
  throw invalid(`${name} must be a number from ${min} to ${max}`);
}
