import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  AttachPolicyCommand,
  CreateThingCommand,
  DescribeThingCommand,
  GetPolicyCommand,
  ListAttachedPoliciesCommand,
} from '@aws-sdk/client-iot';
import { GetThingShadowCommand, UpdateThingShadowCommand } from '@aws-sdk/client-iot-data-plane';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestAccount } from './account.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'courier-state-'));
});
afterAll(() => rm(directory, { recursive: true }));

describe('--state', () => {
  it('keeps users, identities, tokens, credentials, policies, things, shadows and the CA over a restart', async () => {
    const state = join(directory, 'kept.json');
    const first = await TestAccount.start({ state, users: 2 });
    const identityId = await first.identityId(0);
    const { RefreshToken, IdToken } = await first.signIn(0);
    const { keys } = await first.credentials(0);
    const policyName = first.ready.iotPolicyName;
    await first.iot.send(new AttachPolicyCommand({ policyName, target: identityId }));
    await first.iot.send(new CreateThingCommand({ thingName: 'device_7' }));
    const shadow = { thingName: 'device_7', shadowName: 'lamp' };
    const data = first.data();
    await data.send(
      new UpdateThingShadowCommand({
        ...shadow,
        payload: Buffer.from('{"state":{"desired":{"power":"OFF"}}}'),
      }),
    );
    data.destroy();
    const ca = await readFile(first.ready.caFile, 'utf8');
    await first.stop();
    expect((await stat(state)).mode & 0o777).toBe(0o600);

    const second = await TestAccount.start({ state, users: 3 });
    try {
      const { caFile: _caFile, endpoints: _endpoints, users, ...names } = second.ready;
      expect(first.ready).toMatchObject(names);
      expect(users.slice(0, 2)).toEqual(first.ready.users);
      expect(await readFile(second.ready.caFile, 'utf8')).toBe(ca);
      expect(await second.identityId(0)).toBe(identityId);
      // Tokens and credentials of the first run are still good.
      const renewed = await second.initiate('REFRESH_TOKEN_AUTH', {
        REFRESH_TOKEN: RefreshToken,
        SECRET_HASH: second.secretHash(second.user(0).username),
      });
      expect(renewed.AuthenticationResult?.IdToken).not.toBe(IdToken);
      const client = second.iotAs(keys);
      await expect(client.send(new GetPolicyCommand({ policyName }))).rejects.toMatchObject({
        name: 'AccessDeniedException',
      });
      client.destroy();
      const attached = await second.iot.send(
        new ListAttachedPoliciesCommand({ target: identityId }),
      );
      expect(attached.policies?.map((policy) => policy.policyName)).toEqual([policyName]);
      const thing = await second.iot.send(new DescribeThingCommand({ thingName: 'device_7' }));
      expect(thing.thingName).toBe('device_7');
      const again = second.data();
      const { payload } = await again.send(new GetThingShadowCommand(shadow));
      expect(JSON.parse(Buffer.from(payload ?? []).toString('utf8'))).toMatchObject({
        version: 1,
        state: { desired: { power: 'OFF' } },
      });
      again.destroy();
    } finally {
      await second.stop();
    }
  });

  it.each([
    ['no JSON', 'nonsense', /is not JSON/],
    ['of another shape', '{"format":"other"}', /does not fit this version/],
  ])('a file that is %s is told and left alone', async (_name, text, message) => {
    const state = join(directory, 'broken.json');
    await writeFile(state, text);
    await expect(TestAccount.start({ state })).rejects.toThrow(message);
    expect(await readFile(state, 'utf8')).toBe(text);
  });

  it('of another Region is told', async () => {
    const state = join(directory, 'region.json');
    const first = await TestAccount.start({ state, users: 0 });
    await first.stop();
    await expect(TestAccount.start({ state, region: 'eu-west-1' })).rejects.toThrow(
      /of Region us-east-1, not eu-west-1/,
    );
  });
});
