import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { AttachPolicyCommand, DetachPolicyCommand, IoTClient } from '@aws-sdk/client-iot';
import { z } from 'zod';
import { type RunningProcess, startProcess } from '../../support/processes.ts';

const readyLine = z.object({
  graphql: z.string(),
  token: z.string(),
  metrics: z.array(z.string()),
  emulator: z.object({
    region: z.string(),
    iotPolicyName: z.string(),
    endpoints: z.object({ iot: z.string() }),
    users: z.array(z.object({ username: z.string(), password: z.string() })),
  }),
});
export type Ready = z.infer<typeof readyLine>;

export interface Identity {
  readonly id: string;
  readonly username: string;
}

/** `npm run dev -- --json` with some users registered, as an internal tool would use it. */
export class LocalDeployment {
  readonly process: RunningProcess;
  readonly ready: Ready;
  readonly #directory: string;

  private constructor(child: RunningProcess, ready: Ready, directory: string) {
    this.process = child;
    this.ready = ready;
    this.#directory = directory;
  }

  static async start(
    args: readonly string[],
    env: Readonly<Record<string, string>>,
  ): Promise<LocalDeployment> {
    // What it leaves behind when it is killed is ours to remove.
    const directory = mkdtempSync(join(tmpdir(), 'courier-dev-'));
    const command = ['run', '--silent', 'dev', '--', '--json', ...args];
    const child = await startProcess('npm', command, { env: { ...env, TMPDIR: directory } });
    const [line] = await child.line(/^\{.*\}$/, { deadlineMs: 90_000 });
    return new LocalDeployment(child, readyLine.parse(JSON.parse(line)), directory);
  }

  /** At once: how it stops in order is for other tests. */
  async kill(): Promise<void> {
    const redis = this.pidOf('redis');
    await this.process.kill();
    // redis-server writes over its environment, by which the harness finds what it has to kill.
    endIfAlive(redis);
    rmSync(this.#directory, { recursive: true, force: true });
  }

  /** Prometheus's targets: the first URL is the API's, the others the workers'. */
  get targets() {
    const [api = '', ...workers] = this.ready.metrics.map((url) => new URL(url).host);
    return { 'courier-api': [api], 'courier-worker': workers };
  }

  pidOf(name: string): number {
    const said = new RegExp(`^${name} is up \\(pid (\\d+)\\)`, 'm').exec(this.process.stderr);
    if (said === null) throw new Error(`${name} is not among: ${this.process.stderr}`);
    return Number(said[1]);
  }

  async register(count: number): Promise<readonly Identity[]> {
    return Promise.all(
      this.ready.emulator.users.slice(0, count).map(async (user) => {
        const result = await this.#run(
          'mutation ($input: RegisterIdentityInput!) { result: registerIdentity(input: $input) { ... on RegisterIdentitySuccess { identity { id username } } } }',
          user,
          z.object({ identity: z.object({ id: z.string(), username: z.string() }) }),
        );
        return result.identity;
      }),
    );
  }

  async send(updates: readonly { identityId: string; thing: string; desired: object }[]) {
    await this.#run(
      'mutation ($input: UpdateShadowsInput!) { result: updateShadows(input: $input) { ... on UpdateShadowsSuccess { rows { update { id } } } } }',
      { updates },
      z.object({ rows: z.array(z.object({ update: z.object({ id: z.string() }) })) }),
    );
  }

  async sendOne(update: { identityId: string; thing: string; desired: object }): Promise<string> {
    const { update: sent } = await this.#run(
      'mutation ($input: UpdateShadowInput!) { result: updateShadow(input: $input) { ... on UpdateShadowSuccess { update { id } } } }',
      update,
      z.object({ update: z.object({ id: z.string() }) }),
    );
    return sent.id;
  }

  async createWebhook(url: string): Promise<void> {
    await this.#run(
      'mutation ($input: CreateWebhookInput!) { result: createWebhook(input: $input) { ... on CreateWebhookSuccess { webhook { id } } } }',
      { name: 'a receiver', url, events: ['IDENTITY_QUARANTINED', 'UPDATES_DEAD'] },
      z.object({ webhook: z.object({ id: z.string() }) }),
    );
  }

  async stateOf(updateId: string): Promise<string> {
    const answer = await this.#post('query ($id: ID!) { update(id: $id) { state } }', {
      id: updateId,
    });
    return z.object({ update: z.object({ state: z.string() }) }).parse(answer).update.state;
  }

  async identity(id: string) {
    const answer = await this.#post('query ($id: ID!) { identity(id: $id) { cognitoId status } }', {
      id,
    });
    return z
      .object({ identity: z.object({ cognitoId: z.string().nullable(), status: z.string() }) })
      .parse(answer).identity;
  }

  /** What an operator does at the AWS console, with AWS's own SDK. */
  async withAccount(work: (client: IoTClient) => Promise<void>): Promise<void> {
    const { region, endpoints } = this.ready.emulator;
    const credentials = { accessKeyId: 'AKIAOPERATOR', secretAccessKey: 'an-operator' };
    const client = new IoTClient({ region, endpoint: endpoints.iot, credentials });
    await work(client).finally(() => client.destroy());
  }

  async detachPolicy(target: string): Promise<void> {
    const policyName = this.ready.emulator.iotPolicyName;
    await this.withAccount(async (client) => {
      await client.send(new DetachPolicyCommand({ policyName, target }));
    });
  }

  async attachPolicy(target: string): Promise<void> {
    const policyName = this.ready.emulator.iotPolicyName;
    await this.withAccount(async (client) => {
      await client.send(new AttachPolicyCommand({ policyName, target }));
    });
  }

  /** Sends updates for every identity until aborted. */
  async load(identities: readonly Identity[], signal: AbortSignal): Promise<void> {
    for (let round = 0; !signal.aborted; round += 1) {
      const desired = { power: round % 2 === 0 ? 'ON' : 'OFF', round };
      const updates = identities.flatMap(({ id }, owner) =>
        [1, 2].map((thing) => ({
          identityId: id,
          thing: `device_${owner}_${thing}`,
          desired,
        })),
      );
      await this.send(updates);
      const [first] = updates;
      if (first !== undefined) await this.sendOne(first);
      await delay(250, undefined, { signal }).catch(() => undefined);
    }
  }

  async #run<T>(query: string, input: object, schema: z.ZodType<T>): Promise<T> {
    const data = await this.#post(query, { input });
    return z.object({ result: schema }).parse(data).result;
  }

  async #post(query: string, variables: object): Promise<unknown> {
    const response = await fetch(this.ready.graphql, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${this.ready.token}`,
      },
      body: JSON.stringify({ query, variables }),
    });
    const body = z
      .object({ data: z.unknown().optional(), errors: z.unknown().optional() })
      .parse(await response.json());
    if (body.errors !== undefined) throw new Error(JSON.stringify(body.errors));
    return body.data;
  }
}

function endIfAlive(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}
