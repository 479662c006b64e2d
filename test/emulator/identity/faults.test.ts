import { GetIdCommand } from '@aws-sdk/client-cognito-identity';
import { GetThingShadowCommand } from '@aws-sdk/client-iot-data-plane';
import { AttachPolicyCommand, GetPolicyCommand } from '@aws-sdk/client-iot';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { parseFaultFlag } from '../../../src/emulator/faults/rule.ts';
import { TestAccount } from './account.ts';
import { Control } from './control.ts';

let account: TestAccount;
let control: Control;
beforeAll(async () => {
  account = await TestAccount.start({ seed: 'faults' });
  control = new Control(account.ready.endpoints.iot);
});
afterAll(() => account.stop());
afterEach(() => control.delete('/faults'));

const nameOf = (attempt: Promise<unknown>): Promise<string> =>
  attempt.then(
    () => 'ok',
    (error: Error) => error.name,
  );
const getPolicy = () =>
  account.iot.send(new GetPolicyCommand({ policyName: account.ready.iotPolicyName }));

describe('faults of HTTP operations', () => {
  it('throttle as the service words it', async () => {
    await control.post('/faults', { on: '*', effect: 'throttle' });
    expect(await nameOf(account.signIn())).toBe('TooManyRequestsException');
    expect(await nameOf(getPolicy())).toBe('ThrottlingException');
  });

  it('answer a 5xx of the service for one operation only', async () => {
    await control.post('/faults', { on: 'GetId', effect: 'error' });
    const { IdToken } = await account.signIn();
    const getId = account.identityPool.send(
      new GetIdCommand({
        IdentityPoolId: account.ready.identityPoolId,
        Logins: account.logins(IdToken),
      }),
    );
    await expect(getId).rejects.toMatchObject({
      name: 'InternalErrorException',
      $metadata: { httpStatusCode: 500 },
    });
  });

  it('refuse with a given exception, so often and no more', async () => {
    await control.post('/faults', {
      on: 'GetPolicy',
      effect: 'refuse',
      status: 503,
      errorName: 'ServiceUnavailableException',
      count: 2,
      skip: 1,
    });
    const names: string[] = [];
    for (let call = 0; call < 4; call += 1) names.push(await nameOf(getPolicy()));
    expect(names).toEqual([
      'ok',
      'ServiceUnavailableException',
      'ServiceUnavailableException',
      'ok',
    ]);
    expect(await control.get('/faults')).toMatchObject({ faults: [{ seen: 4, struck: 2 }] });
  });

  it('strike only requests that hold a text', async () => {
    await control.post('/faults', {
      on: 'InitiateAuth',
      effect: 'throttle',
      containing: 'user-0002',
    });
    expect(await nameOf(account.signIn(0))).toBe('ok');
    expect(await nameOf(account.signIn(1))).toBe('TooManyRequestsException');
  });

  it('delay', async () => {
    await control.post('/faults', { on: 'GetPolicy', effect: 'delay', delayMs: 300 });
    const before = performance.now();
    await getPolicy();
    expect(performance.now() - before).toBeGreaterThanOrEqual(295);
  });

  it('strike the HTTPS data plane too', async () => {
    const data = account.data();
    const read = () => nameOf(data.send(new GetThingShadowCommand({ thingName: 'device_1' })));
    expect(await read()).toBe('ResourceNotFoundException');
    await control.post('/faults', { on: 'DataPlane', effect: 'throttle', containing: 'device_1' });
    expect(await read()).toBe('ThrottlingException');
    await control.delete('/faults');
    await control.post('/faults', { on: 'DataPlane', effect: 'drop' });
    expect(await read()).not.toMatch(/Exception$/);
    data.destroy();
  });

  it('close the connection without an answer', async () => {
    await control.post('/faults', { on: 'GetPolicy', effect: 'drop' });
    await expect(getPolicy()).rejects.toThrow(/socket hang up|ECONNRESET/);
  });

  it('strike the same calls again under the same seed', async () => {
    const run = async (): Promise<string[]> => {
      const again = await TestAccount.start({ seed: 'faults', users: 0 });
      try {
        const own = new Control(again.ready.endpoints.iot);
        await own.post('/faults', { on: 'GetPolicy', effect: 'throttle', share: 0.5 });
        const names: string[] = [];
        for (let call = 0; call < 20; call += 1) {
          const command = new GetPolicyCommand({ policyName: again.ready.iotPolicyName });
          names.push(await nameOf(again.iot.send(command)));
        }
        return names;
      } finally {
        await again.stop();
      }
    };
    const first = await run();
    expect(new Set(first)).toEqual(new Set(['ok', 'ThrottlingException']));
    expect(await run()).toEqual(first);
  });

  it('stop the emulator while a request is swallowed', async () => {
    const other = await TestAccount.start({ users: 0 });
    await new Control(other.ready.endpoints.iot).post('/faults', { on: '*', effect: 'swallow' });
    const policyName = other.ready.iotPolicyName;
    const swallowed = nameOf(other.iot.send(new GetPolicyCommand({ policyName })));
    const own = new Control(other.ready.endpoints.iot);
    await expect
      .poll(() => own.get('/faults'), { timeout: 5000 })
      .toMatchObject({ faults: [{ struck: 1 }] });
    await other.stop();
    expect(await swallowed).not.toBe('ok');
  });

  it.each([
    ['no object', [], /must be a JSON object|Start of structure/],
    ['no place', { effect: 'delay' }, /needs "on"/],
    ['an unknown effect', { on: '*', effect: 'explode' }, /needs an "effect", one of delay,/],
    ['a delay without time', { on: '*', effect: 'delay' }, /needs "delayMs"/],
    [
      'a share above 1',
      { on: '*', effect: 'drop', share: 2 },
      /"share" of a fault must be a number/,
    ],
    ['an unknown field', { on: '*', effect: 'drop', who: 'me' }, /has no "who"/],
  ])('%s is told', async (_name, rule, message) => {
    const answer = await control.call('POST', '/faults', rule);
    expect(answer.status).toBe(400);
    expect(answer.body).toEqual({ message: expect.stringMatching(message) });
  });

  it('can be given as flags', () => {
    expect(parseFaultFlag('on=GetId,effect=throttle,share=0.2,count=5')).toMatchObject({
      on: 'GetId',
      effect: 'throttle',
      share: 0.2,
      count: 5,
    });
    expect(() => parseFaultFlag('GetId')).toThrow(/is not name=value/);
  });
});

describe('actions', () => {
  it('expire credentials', async () => {
    const { keys, identityId } = await account.credentials(0);
    const client = account.iotAs(keys);
    const attempt = () =>
      nameOf(client.send(new GetPolicyCommand({ policyName: account.ready.iotPolicyName })));
    expect(await attempt()).toBe('AccessDeniedException');
    await control.post('/actions/expire-credentials', { identityId });
    expect(await attempt()).toBe('ExpiredTokenException');
    client.destroy();
  });

  it('detach every policy of a target', async () => {
    const target = await account.identityId(1);
    const policyName = account.ready.iotPolicyName;
    await account.iot.send(new AttachPolicyCommand({ policyName, target }));
    const answer = await control.post('/actions/detach-policy', { target });
    expect(answer).toEqual({ detached: [policyName] });
  });

  it('skew the clock of AWS, so that signatures are refused and tokens dated by it', async () => {
    await control.post('/actions/clock-skew', { ms: 600_000 });
    try {
      const { keys } = await account.credentials(0);
      // The SDK corrects its clock by the Date header and tries again where it may.
      const once = account.iotAs(keys);
      expect(
        await nameOf(once.send(new GetPolicyCommand({ policyName: account.ready.iotPolicyName }))),
      ).toBe('InvalidSignatureException');
      once.destroy();
    } finally {
      await control.post('/actions/clock-skew', { ms: 0 });
    }
  });

  it('freeze the HTTP services for a while', async () => {
    const before = performance.now();
    await control.post('/actions/freeze', { durationMs: 300, side: 'http' });
    await getPolicy();
    expect(performance.now() - before).toBeGreaterThanOrEqual(295);
  });

  it('tell what is wrong with them', async () => {
    const answer = await control.call('POST', '/actions/freeze', { durationMs: 'long' });
    expect(answer).toMatchObject({ status: 400, body: { message: /durationMs must be a number/ } });
    const unknown = await control.call('POST', '/actions/explode');
    expect(unknown.status).toBe(404);
    expect(unknown.body).toMatchObject({
      endpoints: expect.arrayContaining(['POST /_emulator/actions/freeze']),
    });
  });
});
