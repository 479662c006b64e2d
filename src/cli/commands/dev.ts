import { type Child, type Exit, howItEnded } from '../local/childProcess.ts';
import { type Deployment, metricsUrls, startDeployment } from '../local/deployment.ts';
import { untilStopped } from '../local/untilStopped.ts';

export interface DevOptions {
  readonly json: boolean;
  readonly workers: number;
  readonly users: number;
  /** Go on without a worker that died, where another one is left. */
  readonly keepGoing: boolean;
  readonly env: NodeJS.ProcessEnv;
}

/** Runs everything on this machine until it is told to stop. Answers the exit code. */
export async function dev(options: DevOptions): Promise<number> {
  const say = (text: string) => process.stderr.write(`${text}\n`);
  return untilStopped(
    async (run) => {
      let workersLeft = options.workers;
      const onDown = (child: Child, exit: Exit) => {
        const isWorker = child.name.startsWith('worker');
        if (isWorker) workersLeft -= 1;
        if (isWorker && options.keepGoing && workersLeft > 0) {
          say(`${howItEnded(child.name, exit)} The others go on.`);
        } else {
          run.fail(child.failure(howItEnded(child.name, exit)));
        }
      };
      const deployment = await startDeployment({
        ...options,
        tuned: true,
        onUp: (child) => say(`${child.name} is up (pid ${child.pid})`),
        onDown,
        signal: run.signal,
      });
      process.stdout.write(`${options.json ? readyLine(deployment) : welcome(deployment)}\n`);
      return deployment;
    },
    { say, env: options.env },
  );
}

function readyLine(deployment: Deployment): string {
  return JSON.stringify({
    ready: true,
    graphql: deployment.api.graphql,
    token: deployment.token,
    metrics: metricsUrls(deployment),
    redis: deployment.redis.url,
    emulator: deployment.emulator.line,
  });
}

function welcome(deployment: Deployment): string {
  const { api, token, redis, emulator, workers } = deployment;
  const user = emulator.ready.users[0] ?? { username: '', password: '' };
  const count = workers.length === 1 ? 'one worker' : `${workers.length} workers`;
  return `
Shadow Courier runs on this machine: Redis, an emulator of the AWS services, the API and ${count}.
All of it, and all that it stored, goes when you press Ctrl-C.

  GraphQL, GraphiQL  ${api.graphql}
  token              ${token}
  metrics            ${metricsUrls(deployment).join('\n                     ')}
  Redis              ${redis.url}
  users              ${emulator.ready.users.length}; the first is ${user.username}, password ${user.password}
  things             all whose names begin with device_

Programs send the header "authorization: Bearer <token>". Open GraphiQL, sign in with the token,
and send two mutations:

  mutation { registerIdentity(input: {username: "${user.username}", password: "${user.password}"}) {
    ... on RegisterIdentitySuccess { identity { id } }
    ... on Error { message remedy } } }

  mutation { updateShadow(input: {identityId: "…", thing: "device_1", desired: {power: "OFF"}}) {
    ... on UpdateShadowSuccess { update { id state milestone version } }
    ... on Error { message remedy } } }
`;
}
