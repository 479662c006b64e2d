import { readFileSync } from 'node:fs';
import { GetThingShadowCommand, IoTDataPlaneClient } from '@aws-sdk/client-iot-data-plane';
import { expect } from 'vitest';
import { z } from 'zod';
import { Courier, type IdentityView, type UpdateView } from '../../src/cli/client/courier.ts';
import { GraphqlClient } from '../../src/cli/client/graphql.ts';
import { eventually } from '../support/eventually.ts';
import { type RunningProcess, startProgram } from '../support/processes.ts';

/** The contract of `dev --json`: exactly these keys. */
const readySchema = z.strictObject({
  ready: z.literal(true),
  graphql: z.url(),
  token: z.string().min(32),
  metrics: z.array(z.url()),
  redis: z.string().startsWith('redis://'),
  emulator: z.object({
    region: z.string(),
    iotPolicyName: z.string(),
    endpoints: z.object({ iot: z.string(), iotData: z.string() }),
    caFile: z.string(),
    users: z.array(z.object({ username: z.string(), password: z.string() })),
  }),
});
export type DevReady = z.infer<typeof readySchema>;

const ADMINISTRATOR = { accessKeyId: 'AKIAADMINISTRATOR', secretAccessKey: 'any' };

/** `npm run dev -- --json` as a process, and an internal tool that talks to it. */
export class DevCommand {
  readonly process: RunningProcess;
  readonly ready: DevReady;
  readonly courier: Courier;
  readonly #dataPlane: IoTDataPlaneClient;

  private constructor(process: RunningProcess, ready: DevReady) {
    this.process = process;
    this.ready = ready;
    this.courier = new Courier(new GraphqlClient(ready.graphql, ready.token));
    this.#dataPlane = new IoTDataPlaneClient({
      region: ready.emulator.region,
      credentials: ADMINISTRATOR,
      endpoint: `https://${ready.emulator.endpoints.iotData}`,
      requestHandler: { httpsAgent: { ca: readFileSync(ready.emulator.caFile) } },
    });
  }

  static async start(
    args: readonly string[] = [],
    env: Readonly<Record<string, string>> = {},
  ): Promise<DevCommand> {
    const dev = await startProgram('src/cli/main.ts', ['dev', '--json', ...args], { env });
    try {
      const [line] = await dev.line(/^\{.*\}$/, { deadlineMs: 60_000 });
      return new DevCommand(dev, readySchema.parse(JSON.parse(line)));
    } catch (error) {
      await dev.kill();
      throw error;
    }
  }

  /** The process id of `worker-1`, `api`, `emulator` or `redis`. */
  pid(name: string): number {
    const match = new RegExp(`^${name} is up \\(pid (\\d+)\\)$`, 'm').exec(this.process.stderr);
    if (match?.[1] === undefined) throw new Error(`${name} is not up: ${this.process.stderr}`);
    return Number(match[1]);
  }

  /** Registers users of the pool and waits until the fleet has connected each of them. */
  async registerUsers(from: number, to: number): Promise<readonly IdentityView[]> {
    const users = this.ready.emulator.users.slice(from, to);
    expect(users).toHaveLength(to - from);
    const registered = await Promise.all(users.map((user) => this.courier.register(user)));
    return eventually(
      async () => {
        const ids = registered.map(({ id }) => id);
        const identities = await Promise.all(ids.map((id) => this.courier.identity(id)));
        expect(identities.map(({ status }) => status)).toEqual(ids.map(() => 'ACTIVE'));
        return identities;
      },
      { deadlineMs: 30_000, intervalMs: 100 },
    );
  }

  /** Waits until all of them are in this state; at the deadline says which are not. */
  async reach(
    ids: readonly string[],
    state: string,
    deadlineMs = 30_000,
  ): Promise<readonly UpdateView[]> {
    return eventually(
      async () => {
        const updates = await this.courier.updates(ids);
        expect(updates.filter((update) => update.state !== state)).toEqual([]);
        return updates;
      },
      { deadlineMs, intervalMs: 100 },
    );
  }

  /** What the shadow service holds, asked without the product. */
  async shadow(thingName: string): Promise<{ desired: unknown; version: number }> {
    const { payload } = await this.#dataPlane.send(new GetThingShadowCommand({ thingName }));
    const { state, version } = z
      .object({ state: z.object({ desired: z.unknown() }), version: z.number() })
      .parse(JSON.parse(Buffer.from(payload ?? []).toString('utf8')));
    return { desired: state.desired, version };
  }

  async stop(): Promise<void> {
    this.#dataPlane.destroy();
    if (this.process.hasExited)
      throw new Error(`dev ended before its test: ${this.process.stderr}`);
    await this.process.stop({ deadlineMs: 30_000 });
  }
}
