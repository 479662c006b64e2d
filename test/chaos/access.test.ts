import { expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import type { Deployment, Member } from './support/deployment.ts';
import type { Run } from './support/run.ts';
import { survives } from './support/survives.ts';

/** An hour of AWS's in three seconds: what tokens and temporary credentials live. */
const TIME_SCALE = 1200;
const ONE_IN = 10;

test('tokens and credentials that expire all the time cost no update', async () => {
  const reconnect = async ({ aws }: Deployment) => {
    await aws.post('/actions/drop-connections', {});
  };
  const expire = async (deployment: Deployment) => {
    await deployment.aws.post('/actions/expire-credentials', {});
    await reconnect(deployment);
  };
  await survives('credentials and tokens that live 3 s', {
    emulator: ['--time-scale', String(TIME_SCALE)],
    worker: { REFRESH_AHEAD_MS: '500' },
    deviceFaults: { delayAcceptedMs: { min: 80, max: 240 } },
    disasters: [
      { at: 0.2, strike: reconnect },
      { at: 0.4, strike: expire },
      { at: 0.6, strike: reconnect },
      { at: 0.8, strike: expire },
    ],
  });
});

test('one identity in ten that is denied, then allowed, waits and then catches up', async () => {
  const chosen = (members: readonly Member[]) => members.filter((_, at) => at % ONE_IN === 0);
  /** CONNECTs that were refused, by the log file: the log's own memory is too short. */
  const refused = ({ members, evidence }: Run) =>
    chosen(members).map(
      ({ cognitoId }) =>
        (evidence.connects.get(cognitoId) ?? []).filter(({ status }) => status === 'Failure')
          .length,
    );
  const result = await survives(
    'one identity in ten denied, then allowed',
    {
      worker: {
        QUARANTINE_PROBE_MS: '1000',
        // An answer that the policy keeps from us is waited for no longer than a suspicion lasts.
        ANSWER_TIMEOUT_MS: '1000',
      },
      disasters: [
        {
          at: 0.3,
          strike: async (deployment, all) => {
            for (const { cognitoId } of chosen(all)) await deployment.aws.detachPolicy(cognitoId);
            await parked(deployment, chosen(all));
          },
        },
        {
          at: 0.6,
          strike: async (deployment, all) => {
            for (const { cognitoId } of chosen(all)) await deployment.aws.attachPolicy(cognitoId);
          },
        },
      ],
    },
    (run) => ({ 'CONNECTs refused, of each denied identity': refused(run).join(', ') }),
  );
  for (const count of refused(result)) expect(count).toBeGreaterThanOrEqual(1);
});

async function parked({ fleet }: Deployment, members: readonly Member[]): Promise<void> {
  await eventually(
    async () => {
      for (const { id } of members) expect((await fleet.identity(id)).status).toBe('QUARANTINED');
    },
    { deadlineMs: 30_000 },
  );
}
