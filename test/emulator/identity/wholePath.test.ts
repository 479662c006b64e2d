import { AttachPolicyCommand, DetachPolicyCommand } from '@aws-sdk/client-iot';
import mqtt, { type MqttClient } from 'mqtt';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { presignMqtt } from '../world/presign.ts';
import { TestAccount } from './account.ts';
import { Control } from './control.ts';

const THING = '$aws/things/device_1/shadow';

let account: TestAccount;
let control: Control;
let identityId: string;
let client: MqttClient;
beforeAll(async () => {
  account = await TestAccount.start();
  control = new Control(account.ready.endpoints.iot);
  const { identityId: id, keys } = await account.credentials(0);
  identityId = id;
  await account.iot.send(
    new AttachPolicyCommand({ policyName: account.ready.iotPolicyName, target: id }),
  );
  client = await connect(id, keys);
});
afterAll(async () => {
  await client.endAsync(true);
  await account.stop();
});

async function connect(
  clientId: string,
  keys: { accessKeyId: string; secretAccessKey: string; sessionToken: string },
): Promise<MqttClient> {
  const path = await presignMqtt(
    {
      identityId: clientId,
      credentials: {
        accessKeyId: keys.accessKeyId,
        secretKey: keys.secretAccessKey,
        sessionToken: keys.sessionToken,
        expiresAtMs: 0,
        principal: { identityId: clientId, roleArn: '', principalId: '' },
      },
    },
    { region: account.ready.region },
  );
  return mqtt.connectAsync(
    `wss://${account.ready.endpoints.iotData}${path}`,
    {
      protocolVersion: 5,
      clientId,
      reconnectPeriod: 0,
      wsOptions: { ca: readFileSync(account.ready.caFile), headers: { host: 'localhost' } },
    },
    false,
  );
}

const update = (payload: object) =>
  client.publishAsync(`${THING}/update`, JSON.stringify(payload), { qos: 1 });

describe('from password to shadow', () => {
  it('the five steps of the field article end in an accepted update', async () => {
    await client.subscribeAsync(`${THING}/update/accepted`, { qos: 1 });
    const answer = new Promise<unknown>((resolve) => {
      client.once('message', (_topic, payload) => resolve(JSON.parse(payload.toString('utf8'))));
    });
    await update({ state: { desired: { power: 'OFF' } }, clientToken: 'first' });
    expect(await answer).toMatchObject({ version: 1, clientToken: 'first' });
    expect(await control.get('/ledger?after=0')).toMatchObject({
      last: 1,
      entries: [{ clientId: identityId, thing: 'device_1', desired: { power: 'OFF' } }],
    });
  });

  it('aws-facts §5: a denied publish stands in the log as AUTHORIZATION_FAILURE of a shared principal', async () => {
    const topic = '$aws/things/thermostat_9/shadow/update';
    await expect(client.publishAsync(topic, '{}', { qos: 1 })).rejects.toThrow();
    const found = await control.get(`/log?clientId=${identityId}&status=Failure`);
    expect(found).toMatchObject({
      entries: [
        {
          logLevel: 'ERROR',
          eventType: 'Publish-In',
          topicName: topic,
          reason: 'AUTHORIZATION_FAILURE',
          details: 'Authorization Failure',
          principalId: expect.stringMatching(/^AROA[A-Z0-9]{17}:CognitoIdentityCredentials$/),
        },
      ],
    });
  });

  it('aws-facts §5: detaching the policy stops an open connection from publishing', async () => {
    const attachment = { policyName: account.ready.iotPolicyName, target: identityId };
    await account.iot.send(new DetachPolicyCommand(attachment));
    await expect(update({ state: { desired: { power: 'ON' } } })).rejects.toThrow();
    await account.iot.send(new AttachPolicyCommand(attachment));
    await expect(update({ state: { desired: { power: 'ON' } } })).resolves.toBeDefined();
  });
});

describe('faults of the device side over HTTP', () => {
  it('are set, shown and taken back as a whole', async () => {
    const faults = { swallowPuback: 0.5, clientIds: ['nobody'] };
    expect(await control.call('PUT', '/device-faults', faults)).toEqual({
      status: 200,
      body: faults,
    });
    expect(await control.get('/device-faults')).toEqual(faults);
    expect(await control.call('PUT', '/device-faults', {})).toEqual({ status: 200, body: {} });
  });

  it('tell what is wrong with them', async () => {
    const answer = await control.call('PUT', '/device-faults', { swallowPuback: 7 });
    expect(answer).toEqual({
      status: 400,
      body: { message: 'swallowPuback must be a share from 0 to 1' },
    });
  });

  it('drop a connection, after which the client may come back with the same credentials', async () => {
    const closed = new Promise((resolve) => client.once('close', () => resolve(undefined)));
    expect(await control.post('/actions/drop-connections', { clientIds: [identityId] })).toEqual({
      dropped: 1,
    });
    await closed;
    const { keys } = await account.credentials(0);
    client = await connect(identityId, keys);
    expect(client.connected).toBe(true);
  });
});
