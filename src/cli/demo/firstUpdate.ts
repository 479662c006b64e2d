import type { IdentityView } from '../client/courier.ts';
import type { Cast, DemoContext } from './context.ts';
import { expectThat, unexpected, waitUntil } from './expectation.ts';

const OWNERS = 50;
const REGISTRATIONS_AT_ONCE = 10;
/** GetId at 25/s and AttachPolicy at 15/s make about 4 s of it. */
const SIGN_IN_MS = 60_000;

/** Registers the users and waits until the fleet has signed each of them in. */
export async function registerUsers(context: DemoContext): Promise<Cast> {
  const { deployment, courier, screen, signal } = context;
  const users = deployment.emulator.ready.users.slice(0, OWNERS + 1);
  expectThat(users.length === OWNERS + 1, `${OWNERS + 1} users in the user pool`, users.length);
  const registered: IdentityView[] = [];
  for (let at = 0; at < users.length; at += REGISTRATIONS_AT_ONCE) {
    const some = users.slice(at, at + REGISTRATIONS_AT_ONCE);
    registered.push(...(await Promise.all(some.map((user) => courier.register(user)))));
  }
  screen.fact('registered', `${registered.length} users; their passwords go in and never out`);

  const startedAt = performance.now();
  const progress = screen.progress('signed in', registered.length);
  const look = () => Promise.all(registered.map(({ id }) => courier.identity(id)));
  const signedIn = await waitUntil({
    expected: 'every identity ACTIVE',
    look,
    until: (identities) => identities.every(({ status }) => status === 'ACTIVE'),
    onLook: (identities) =>
      progress.update(identities.filter(({ status }) => status === 'ACTIVE').length),
    deadlineMs: SIGN_IN_MS,
    everyMs: 500,
    signal,
  }).finally(() => progress.stop());
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  screen.fact('signed in, connected', `${seconds} s, within GetId 25/s and AttachPolicy 15/s`);
  const [first, ...owners] = signedIn;
  if (first === undefined) throw unexpected('a registered user', signedIn);
  return { first, owners };
}

/** One payload, by one mutation, and what the shadow holds afterwards. */
export async function sendFirstUpdate(context: DemoContext, cast: Cast): Promise<void> {
  const { courier, aws, screen, signal } = context;
  const desired = { power: 'OFF' };
  const { id } = await courier.send({ identityId: cast.first.id, thing: 'device_1', desired });
  const update = await waitUntil({
    expected: 'the update to device_1 SUCCEEDED',
    look: () => courier.update(id),
    until: ({ state }) => state === 'SUCCEEDED',
    deadlineMs: 30_000,
    everyMs: 20,
    signal,
  });
  expectThat(update.milestone === 'ACCEPTED', 'the milestone ACCEPTED', update);
  expectThat(update.version === 1, "version 1, device_1's first", update);
  const milliseconds = (update.finishedAt ?? 0) - update.createdAt;
  screen.fact('updateShadow', `{"desired":${JSON.stringify(desired)}} to device_1`);
  screen.fact('published as', `${cast.first.username}, client id ${cast.first.cognitoId}`);
  screen.fact('ended', `${update.state}, ${update.milestone}, version ${update.version}`);
  screen.fact('submit to accepted', `${milliseconds} ms`);

  const shadow = await aws.shadow('device_1');
  const wanted = `desired ${JSON.stringify(desired)}, version ${update.version}`;
  const held = `desired ${JSON.stringify(shadow.state.desired)}, version ${shadow.version}`;
  expectThat(held === wanted, `the shadow with ${wanted}`, held);
  screen.fact('GetThingShadow', `${held}, read with AWS's own SDK`);
}
