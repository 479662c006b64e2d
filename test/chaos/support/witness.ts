import { createReadStream, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Agent } from 'node:https';
import { GetThingShadowCommand, IoTDataPlaneClient } from '@aws-sdk/client-iot-data-plane';
import type { IotLogEntry, LedgerEntry } from '../../../src/emulator/contract.ts';
import { eventually } from '../../support/eventually.ts';
import type { Aws } from '../../workers/support/aws.ts';
import { ADMINISTRATOR } from '../../workers/support/aws.ts';

/** What the emulated AWS saw of a run: the judge's evidence, none of it from our own records. */
export interface Evidence {
  /** Accepted updates, oldest first. */
  readonly ledger: readonly LedgerEntry[];
  /** Publishes to `shadow/update` that the broker let in, a thing. */
  readonly published: ReadonlyMap<string, number>;
  /** Publishes to `shadow/update` that a policy refused. */
  readonly denied: number;
  /** CONNECTs, refused ones included, a client id. */
  readonly connects: ReadonlyMap<string, readonly IotLogEntry[]>;
  /** What each thing's shadow desires in the end. */
  readonly desired: ReadonlyMap<string, unknown>;
}

const UPDATE_TOPIC = /^\$aws\/things\/([^/]+)\/shadow\/update$/;
const READS_AT_ONCE = 20;
/** Where the scenario throttles, a read may have to wait for its turn for as long as this. */
const READ_DEADLINE = { deadlineMs: 60_000, intervalMs: 200 };

export async function evidenceOf(
  aws: Aws,
  logFile: string,
  things: readonly string[],
): Promise<Evidence> {
  const published = new Map<string, number>();
  const connects = new Map<string, IotLogEntry[]>();
  let denied = 0;
  for await (const line of createInterface({ input: createReadStream(logFile) })) {
    const entry = JSON.parse(line) as IotLogEntry;
    if (entry.eventType === 'Connect') {
      const client = entry.clientId ?? '';
      connects.set(client, [...(connects.get(client) ?? []), entry]);
    }
    const thing = UPDATE_TOPIC.exec(entry.topicName ?? '')?.[1];
    if (thing === undefined || entry.eventType !== 'Publish-In') continue;
    if (entry.reason === 'AUTHORIZATION_FAILURE') denied += 1;
    else {
      published.set(thing, (published.get(thing) ?? 0) + 1);
    }
  }
  const ledger = await aws.ledger();
  return { denied, ledger, published, connects, desired: await shadowsOf(aws, things) };
}

async function shadowsOf(aws: Aws, things: readonly string[]): Promise<Map<string, unknown>> {
  const { region, endpoints, caFile } = aws.ready;
  const httpsAgent = new Agent({
    ca: readFileSync(caFile),
    keepAlive: true,
    maxSockets: READS_AT_ONCE,
  });
  const client = new IoTDataPlaneClient({
    region,
    credentials: {
      accessKeyId: ADMINISTRATOR.AWS_ACCESS_KEY_ID,
      secretAccessKey: ADMINISTRATOR.AWS_SECRET_ACCESS_KEY,
    },
    endpoint: `https://${endpoints.iotData}`,
    // Ours alone: the SDK gives up once it has retried a hundred times in all.
    maxAttempts: 1,
    requestHandler: { httpsAgent },
  });
  try {
    const desired = new Map<string, unknown>();
    const left = [...things];
    const readAll = async () => {
      for (let thingName = left.pop(); thingName !== undefined; thingName = left.pop()) {
        const command = new GetThingShadowCommand({ thingName });
        const { payload } = await eventually(() => client.send(command), READ_DEADLINE);
        const shadow = JSON.parse(Buffer.from(payload ?? []).toString()) as {
          readonly state: { readonly desired?: unknown };
        };
        desired.set(thingName, shadow.state.desired);
      }
    };
    await Promise.all(Array.from({ length: READS_AT_ONCE }, readAll));
    return desired;
  } finally {
    client.destroy();
    httpsAgent.destroy();
  }
}
