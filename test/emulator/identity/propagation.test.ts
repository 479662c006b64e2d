import { AttachPolicyCommand, DetachPolicyCommand } from '@aws-sdk/client-iot';
import { PublishCommand } from '@aws-sdk/client-iot-data-plane';
import { describe, expect, it } from 'vitest';
import { Propagation } from '../../../src/emulator/policy/propagation.ts';
import { TestAccount } from './account.ts';

/** Whether user 0 may publish now, by the HTTPS data plane. */
async function withPublisher(
  config: Parameters<typeof TestAccount.start>[0],
  run: (
    publish: () => Promise<string>,
    change: (to: 'attached' | 'detached') => Promise<void>,
  ) => Promise<void>,
): Promise<void> {
  const account = await TestAccount.start({ users: 1, ...config });
  const { identityId, keys } = await account.credentials(0);
  const data = account.data(keys);
  const attachment = { policyName: account.ready.iotPolicyName, target: identityId };
  const topic = '$aws/things/device_1/shadow/update';
  try {
    await run(
      () =>
        data.send(new PublishCommand({ topic, payload: Buffer.from('{}') })).then(
          () => 'ok',
          (error: Error) => error.name,
        ),
      async (to) => {
        if (to === 'attached') await account.iot.send(new AttachPolicyCommand(attachment));
        else await account.iot.send(new DetachPolicyCommand(attachment));
      },
    );
  } finally {
    data.destroy();
    await account.stop();
  }
}

describe('both policies', () => {
  it('aws-facts §5: the role alone does not allow; with the IoT policy attached it does, until detached', () =>
    withPublisher({}, async (publish, change) => {
      expect(await publish()).toBe('ForbiddenException');
      await change('attached');
      expect(await publish()).toBe('ok');
      await change('detached');
      expect(await publish()).toBe('ForbiddenException');
    }));
});

describe('propagation', () => {
  it('aws-facts §5: a change of an IoT policy is in force after minutes, shortened by the time scale', () =>
    withPublisher(
      // Six to eight minutes at a scale of 120 are 3 to 4 s.
      { propagationMinMs: 360_000, propagationMaxMs: 480_000, timeScale: 120 },
      async (publish, change) => {
        const before = performance.now();
        await change('attached');
        expect(await publish()).toBe('ForbiddenException');
        await expect.poll(publish, { timeout: 10_000 }).toBe('ok');
        expect(performance.now() - before).toBeGreaterThanOrEqual(2900);
      },
    ));

  it('changes take effect in the order in which they were made, each counted', () => {
    let nowMs = 0;
    const waits = [1, 0];
    const done: string[] = [];
    const propagation = new Propagation({
      minMs: 100,
      maxMs: 200,
      now: () => nowMs,
      draw: () => waits.shift() ?? 0,
    });
    propagation.change(() => done.push('attach'));
    propagation.change(() => done.push('detach'));
    nowMs = 199;
    expect(propagation.settle()).toBe(0);
    expect(propagation.pending).toBe(2);
    nowMs = 200;
    expect(propagation.settle()).toBe(2);
    expect(done).toEqual(['attach', 'detach']);
  });
});
