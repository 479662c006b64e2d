import { readFileSync } from 'node:fs';
import { IoTDataPlaneClient, UpdateThingShadowCommand } from '@aws-sdk/client-iot-data-plane';
import { awsVariables } from '../../../src/cli/local/emulator.ts';
import type { IotLogEntry, LedgerEntry } from '../../../src/emulator/contract.ts';
import type { ReadyLine } from '../../../src/emulator/emulator.ts';
import { type EmulatorProcess, startEmulatorProcess } from '../../support/emulator.ts';

/** Keys that the emulator did not issue are the account's administrator's. */
export const ADMINISTRATOR = {
  AWS_ACCESS_KEY_ID: 'AKIATESTADMINISTRATOR',
  AWS_SECRET_ACCESS_KEY: 'administrator-of-the-test',
} as const;

export interface User {
  readonly username: string;
  readonly password: string;
}

type Operation =
  | 'InitiateAuth'
  | 'GetTokensFromRefreshToken'
  | 'GetId'
  | 'GetCredentialsForIdentity'
  | 'AttachPolicy';

interface Fault {
  readonly id: string;
  readonly seen: number;
  readonly struck: number;
}

/** The emulated account, as its administrator and as a witness: what it saw, not what we believe. */
export class Aws {
  readonly ready: ReadyLine;
  readonly #process: EmulatorProcess['process'];
  readonly #users: User[];

  private constructor({ ready, process: child }: EmulatorProcess) {
    this.ready = ready;
    this.#process = child;
    this.#users = [...ready.users];
    // The IoT client of a worker in this process finds its role's keys here.
    Object.assign(process.env, ADMINISTRATOR);
  }

  static async start(args: readonly string[] = []): Promise<Aws> {
    return new Aws(await startEmulatorProcess(['--users', '40', ...args]));
  }

  async stop(): Promise<void> {
    await this.#process.stop();
  }

  /** A user that no other test of this file has. */
  user(): User {
    const user = this.#users.pop();
    if (user === undefined) throw new Error('the emulator was given too few users');
    return user;
  }

  /** The environment of a worker that takes this for AWS. */
  get environment(): Readonly<Record<string, string>> {
    return { ...awsVariables(this.ready), ...ADMINISTRATOR };
  }

  /** Log entries that fit, oldest first. */
  async log(where: Readonly<Record<string, string>>): Promise<readonly IotLogEntry[]> {
    const query = new URLSearchParams({ limit: '20000', ...where });
    const answer = await this.#call('GET', `/log?${query}`);
    return (answer as { entries: readonly IotLogEntry[] }).entries;
  }

  /** Every CONNECT of a client id, refused ones included. */
  connects(clientId: string): Promise<readonly IotLogEntry[]> {
    return this.log({ eventType: 'Connect', clientId });
  }

  /** Accepted updates of every client, oldest first. */
  async ledger(): Promise<readonly LedgerEntry[]> {
    const answer = await this.#call('GET', '/ledger?limit=200000');
    const { entries, dropped } = answer as { entries: readonly LedgerEntry[]; dropped: number };
    if (dropped > 0) throw new Error(`the ledger has lost ${dropped} entries`);
    return entries;
  }

  /** How many updates were accepted so far. */
  async ledgerLength(): Promise<number> {
    return ((await this.#call('GET', '/ledger?limit=0')) as { last: number }).last;
  }

  /** Accepted updates of a client id, oldest first. */
  async applied(clientId: string): Promise<readonly LedgerEntry[]> {
    return (await this.ledger()).filter((entry) => entry.clientId === clientId);
  }

  /** Counts calls of an operation from now on; `containing` picks those of one user or identity. */
  async counter(operation: Operation, containing?: string): Promise<() => Promise<number>> {
    const rule = {
      on: operation,
      effect: 'error',
      share: 0,
      ...(containing === undefined ? {} : { containing }),
    };
    const { id } = (await this.post('/faults', rule)) as Fault;
    return async () => {
      const { faults } = (await this.#call('GET', '/faults')) as { faults: readonly Fault[] };
      return faults.find((fault) => fault.id === id)?.seen ?? Number.NaN;
    };
  }

  clearFault(id: string): Promise<unknown> {
    return this.#call('DELETE', `/faults?id=${id}`);
  }

  /** Changes a shadow as somebody else does, through the data plane's own API. */
  async updateShadow(thingName: string, desired: object): Promise<void> {
    const { region, endpoints, caFile } = this.ready;
    const client = new IoTDataPlaneClient({
      region,
      credentials: {
        accessKeyId: ADMINISTRATOR.AWS_ACCESS_KEY_ID,
        secretAccessKey: ADMINISTRATOR.AWS_SECRET_ACCESS_KEY,
      },
      endpoint: `https://${endpoints.iotData}`,
      requestHandler: { httpsAgent: { ca: readFileSync(caFile) } },
    });
    try {
      const payload = JSON.stringify({ state: { desired } });
      await client.send(new UpdateThingShadowCommand({ thingName, payload }));
    } finally {
      client.destroy();
    }
  }

  /** What the broker and the quotas counted since the start. */
  async stats(): Promise<{ readonly callsThrottled: number }> {
    return (await this.#call('GET', '/stats')) as { readonly callsThrottled: number };
  }

  attachPolicy(target: string): Promise<unknown> {
    return this.post('/actions/attach-policy', { policyName: this.ready.iotPolicyName, target });
  }

  detachPolicy(target: string): Promise<unknown> {
    return this.post('/actions/detach-policy', { target });
  }

  post(path: string, body: object): Promise<unknown> {
    return this.#call('POST', path, body);
  }

  /** What the device side gets wrong from now on; `{}` is nothing. */
  deviceFaults(faults: object): Promise<unknown> {
    return this.#call('PUT', '/device-faults', faults);
  }

  async #call(method: string, path: string, body?: object): Promise<unknown> {
    const answer = await fetch(`${this.ready.endpoints.iot}/_emulator${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return JSON.parse(text);
  }
}
