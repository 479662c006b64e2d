import { GetThingShadowCommand, UpdateThingShadowCommand } from '@aws-sdk/client-iot-data-plane';
import { describe, expect, it } from 'vitest';
import {
  behaviourOf,
  DEFAULT_MIX,
  type DeviceMix,
  parseMix,
} from '../../../src/emulator/devices/behaviour.ts';
import { SeededNames } from '../../../src/emulator/world/seededNames.ts';
import { TestAccount } from './account.ts';
import { Control } from './control.ts';

const only = (behaviour: string): DeviceMix => parseMix(`${behaviour}=1`) ?? DEFAULT_MIX;

/** Sets a desired state and gives how to look at the shadow. */
async function withDevices(
  mix: DeviceMix,
  run: (shadow: () => Promise<unknown>, control: Control) => Promise<void>,
  shadowName?: string,
): Promise<void> {
  const account = await TestAccount.start({
    users: 0,
    devices: 2,
    deviceMix: mix,
    seed: 'devices',
  });
  const data = account.data();
  const shadow = { thingName: 'device_2', ...(shadowName === undefined ? {} : { shadowName }) };
  try {
    await data.send(
      new UpdateThingShadowCommand({
        ...shadow,
        payload: Buffer.from('{"state":{"desired":{"power":"OFF","level":{"a":1}}}}'),
      }),
    );
    await run(async () => {
      const { payload } = await data.send(new GetThingShadowCommand(shadow));
      const document: unknown = JSON.parse(Buffer.from(payload ?? []).toString('utf8'));
      return document;
    }, new Control(account.ready.endpoints.iot));
  } finally {
    data.destroy();
    await account.stop();
  }
}

describe('simulated devices', () => {
  it.each([undefined, 'lamp'])('report what they are told to be (shadow %s)', (name) =>
    withDevices(
      only('prompt'),
      async (shadow) => {
        await expect.poll(shadow, { timeout: 5000 }).toMatchObject({
          version: 2,
          state: { reported: { power: 'OFF', level: { a: 1 } } },
        });
        expect(await shadow()).not.toMatchObject({ state: { delta: {} } });
      },
      name,
    ),
  );

  it('say so once where they reject it, and the difference stays', () =>
    withDevices(only('rejecting'), async (shadow, control) => {
      await expect.poll(shadow, { timeout: 5000 }).toMatchObject({
        version: 2,
        state: { reported: { rejected: { power: 'OFF' } }, delta: { power: 'OFF' } },
      });
      await expect
        .poll(() => control.get('/stats'), { timeout: 5000 })
        .toMatchObject({ simulation: { deltas: 1, reports: 1, pending: 0 } });
    }));

  it('never report where they are silent', () =>
    withDevices(only('silent'), async (shadow, control) => {
      expect(await shadow()).toMatchObject({ version: 1, state: { delta: { power: 'OFF' } } });
      expect(await control.get('/stats')).toMatchObject({ simulation: { deltas: 0, reports: 0 } });
    }));

  it('wait long where they are slow', () =>
    withDevices(only('slow'), async (shadow, control) => {
      expect(await control.get('/stats')).toMatchObject({ simulation: { deltas: 1, pending: 1 } });
      expect(await shadow()).toMatchObject({ version: 1 });
    }));
});

describe('the mix', () => {
  it('is kept over many devices and the same under the same seed', () => {
    const names = SeededNames.fromSeed('mix');
    const counts = new Map<string, number>();
    for (let index = 0; index < 10_000; index += 1) {
      const behaviour = behaviourOf(`device_${index}`, DEFAULT_MIX, names);
      expect(behaviour).toBe(behaviourOf(`device_${index}`, DEFAULT_MIX, names));
      counts.set(behaviour, (counts.get(behaviour) ?? 0) + 1);
    }
    expect(Math.abs((counts.get('prompt') ?? 0) - 9000)).toBeLessThan(150);
    expect(Math.abs((counts.get('rejecting') ?? 0) - 200)).toBeLessThan(60);
  });

  it.each(['', 'prompt', 'prompt=-1', 'eager=1', 'prompt=0'])('is told when it is "%s"', (text) => {
    expect(parseMix(text)).toBeUndefined();
  });
});
