import { afterAll, beforeAll, expect, test } from 'vitest';
import type { IdentityView } from '../../src/cli/client/courier.ts';
import { eventually } from '../support/eventually.ts';
import { isRunning } from '../support/marks.ts';
import { DevCommand } from './devCommand.ts';

const USERS = 8;
const THINGS_EACH = 2;
const ROUNDS = 12;
const LEASE_MS = 4000;

let dev: DevCommand;
let identities: readonly IdentityView[];

beforeAll(async () => {
  dev = await DevCommand.start(['--workers', '3', '--users', String(USERS), '--keep-going'], {
    LEASE_MS: String(LEASE_MS),
  });
  identities = await dev.registerUsers(0, USERS);
});

afterAll(async () => {
  await dev.stop();
});

/** One round: a patch to every thing of every identity, in order of the rounds sent before. */
function round(name: string, number: number) {
  return identities.flatMap(({ id: identityId }, owner) =>
    Array.from({ length: THINGS_EACH }, (_, thing) => ({
      identityId,
      thing: `device_${name}_${owner}_${thing}`,
      desired: { round: number },
    })),
  );
}

async function sendRounds(name: string): Promise<readonly string[]> {
  const updates = Array.from({ length: ROUNDS }, (_, number) => round(name, number)).flat();
  return dev.courier.sendAll(updates);
}

/** A worker that owns the connection of one of our identities. */
async function ownerOfSome(): Promise<string> {
  return eventually(async () => {
    const seen = await Promise.all(identities.map(({ id }) => dev.courier.identity(id)));
    const owner = seen.find(({ connection }) => connection?.state === 'CONNECTED');
    expect(owner?.connection).toBeTruthy();
    return owner?.connection?.worker ?? '';
  });
}

async function someDelivered(ids: readonly string[]): Promise<void> {
  await eventually(async () => {
    const updates = await dev.courier.updates(ids);
    expect(updates.some(({ state }) => state === 'SUCCEEDED')).toBe(true);
  });
}

async function lastRoundHolds(name: string): Promise<void> {
  for (const { thing } of round(name, ROUNDS - 1)) {
    const { desired } = await dev.shadow(thing);
    expect(desired, thing).toEqual({ round: ROUNDS - 1 });
  }
}

test('a worker told to stop in the middle hands over: all delivered, in order', async () => {
  const worker = await ownerOfSome();
  const pid = dev.pid(worker);
  const ids = await sendRounds('term');
  await someDelivered(ids);
  process.kill(pid, 'SIGTERM');
  await eventually(() => expect(isRunning(pid)).toBe(false), { deadlineMs: 25_000 });
  await dev.process.line(new RegExp(`^${worker} ended unexpectedly, with exit code 0`));
  const updates = await dev.reach(ids, 'SUCCEEDED', 60_000);
  // A clean hand-over leaves no try whose answer is unknown, so nothing was published twice.
  for (const { tries } of updates) expect(tries).toBe(1);
  await lastRoundHolds('term');
});

test('a worker that is killed loses nothing: another one goes on where it was', async () => {
  const worker = await ownerOfSome();
  const ids = await sendRounds('kill');
  await someDelivered(ids);
  process.kill(dev.pid(worker), 'SIGKILL');
  await dev.process.line(new RegExp(`^${worker} ended unexpectedly, by SIGKILL`));
  // Until its leases run out, 3 s of slack, and the spacing of CONNECTs of one client id.
  await dev.reach(ids, 'SUCCEEDED', LEASE_MS + 3000 + 11_000 + 15_000);
  await lastRoundHolds('kill');
  // Also of whom nothing was left to deliver, who has not been connected anew for it.
  const more = await dev.courier.sendAll(round('after', 0));
  await dev.reach(more, 'SUCCEEDED', 30_000);
  const owners = await Promise.all(identities.map(({ id }) => dev.courier.identity(id)));
  for (const { connection } of owners) expect(connection?.worker).not.toBe(worker);
});
