import { Courier } from '../client/courier.ts';
import { GraphqlClient } from '../client/graphql.ts';
import { BareAws } from '../demo/bareAws.ts';
import type { DemoContext } from '../demo/context.ts';
import { denyIdentity, denyTopic } from '../demo/denials.ts';
import { registerUsers, sendFirstUpdate } from '../demo/firstUpdate.ts';
import { sendMany } from '../demo/manyUpdates.ts';
import { Screen } from '../demo/screen.ts';
import { showSetUp } from '../demo/setUp.ts';
import { howItEnded } from '../local/childProcess.ts';
import { type Deployment, metricsUrls, startDeployment } from '../local/deployment.ts';
import { untilStopped } from '../local/untilStopped.ts';

export interface DemoOptions {
  readonly env: NodeJS.ProcessEnv;
}

/** As a shell gives it for a program that Ctrl-C ended. */
const INTERRUPTED = 130;
const WORKERS = 2;
const USERS = 60;

/**
 * Our own patience only, so that nobody waits five minutes for a probe. AWS's quotas and our
 * budgets and pacing stay at their defaults.
 */
const SETTINGS = { QUARANTINE_PROBE_MS: '3000' } as const;

/** The product's main job, shown step by step. Answers the exit code. */
export async function demo({ env }: DemoOptions): Promise<number> {
  // The AWS SDK would write about Node 20 between our lines.
  env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';
  const screen = new Screen(process.stdout, env);
  const stays = process.stdin.isTTY && process.stdout.isTTY;
  let shown = false;
  return untilStopped(
    async (run) => {
      screen.title('Shadow Courier: shadow updates, published as the Cognito user who owns them');
      screen.step('Redis, an emulator of AWS, the API and two workers, a process each');
      const deployment = await startDeployment({
        workers: WORKERS,
        users: USERS,
        env,
        tuned: false,
        settings: SETTINGS,
        onUp: ({ name, pid }) => screen.fact(name, `pid ${pid}`),
        onDown: (child, exit) => run.fail(child.failure(howItEnded(child.name, exit))),
        signal: run.signal,
      });
      screen.done();
      return deployment;
    },
    {
      env,
      say: (text) => process.stderr.write(`\n${text}\n`),
      // Cut short, it has not shown what it is there to show.
      interruptedExitCode: () => (shown ? 0 : INTERRUPTED),
      work: async (deployment, signal) => {
        await show(deployment, screen, signal);
        shown = true;
        await leave(deployment, screen, stays);
      },
    },
  );
}

async function show(deployment: Deployment, screen: Screen, signal: AbortSignal): Promise<void> {
  const client = new GraphqlClient(deployment.api.graphql, deployment.token);
  const aws = new BareAws(deployment.emulator.ready);
  const context: DemoContext = { deployment, courier: new Courier(client), aws, screen, signal };
  try {
    screen.step('The set-up on AWS, in the emulator');
    await showSetUp(context);

    screen.step('Users become identities, and one of them updates device_1');
    const cast = await registerUsers(context);
    await sendFirstUpdate(context, cast);
    screen.done();

    screen.step("2,000 updates over 50 identities at once, at AWS's default quotas");
    await sendMany(context, cast);
    screen.done();

    screen.step('Both kinds of denial');
    await denyTopic(context, cast);
    await denyIdentity(context, cast);
    screen.done();
  } catch (error) {
    if (!signal.aborted) tellLastLines(deployment);
    throw error;
  } finally {
    aws.close();
  }
}

/** What did not turn out is explained in the logs, which go with the deployment. */
function tellLastLines(deployment: Deployment): void {
  for (const { child } of [deployment.api, ...deployment.workers]) {
    process.stderr.write(`\nThe last lines of ${child.name}:\n${child.tail}\n`);
  }
}

async function leave(deployment: Deployment, screen: Screen, stays: boolean): Promise<void> {
  screen.step(stays ? 'Look around' : 'Where to look');
  screen.fact('GraphiQL', deployment.api.graphql);
  for (const url of metricsUrls(deployment)) screen.fact('metrics', url);
  if (!stays) {
    screen.line(
      'npm run dev keeps all of this up. This demo ends here, and leaves nothing behind.',
    );
    return;
  }
  screen.fact('token', `${deployment.token}, to sign in with`);
  screen.line();
  screen.line('It stays up until you press Ctrl-C, and leaves nothing behind.');
  await new Promise<never>(() => undefined);
}
