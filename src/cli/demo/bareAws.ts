import { readFileSync } from 'node:fs';
import {
  AttachPolicyCommand,
  DetachPolicyCommand,
  GetPolicyCommand,
  IoTClient,
} from '@aws-sdk/client-iot';
import { GetThingShadowCommand, IoTDataPlaneClient } from '@aws-sdk/client-iot-data-plane';
import { z } from 'zod';
import { ADMINISTRATOR, type EmulatorReady } from '../local/emulator.ts';

const shadowDocument = z.object({
  state: z.object({ desired: z.record(z.string(), z.unknown()).optional() }),
  version: z.number(),
});
export type ShadowDocument = z.infer<typeof shadowDocument>;

const oneOrMany = z.union([z.string().transform((one) => [one]), z.array(z.string())]);
const policyDocument = z.object({
  Statement: z.array(z.object({ Effect: z.string(), Action: oneOrMany, Resource: oneOrMany })),
});

export interface PolicyStatement {
  readonly actions: readonly string[];
  readonly resources: readonly string[];
}

/**
 * What an operator does at the AWS console, and a second pair of eyes: AWS's own SDK clients, with
 * nothing of ours between them and the services.
 */
export class BareAws {
  readonly #policyName: string;
  readonly #control: IoTClient;
  readonly #dataPlane: IoTDataPlaneClient;

  constructor(emulator: EmulatorReady) {
    const common = { region: emulator.region, credentials: ADMINISTRATOR };
    this.#policyName = emulator.iotPolicyName;
    this.#control = new IoTClient({ ...common, endpoint: emulator.endpoints.iot });
    this.#dataPlane = new IoTDataPlaneClient({
      ...common,
      endpoint: `https://${emulator.endpoints.iotData}`,
      requestHandler: { httpsAgent: { ca: readFileSync(emulator.caFile), keepAlive: true } },
    });
  }

  async shadow(thingName: string): Promise<ShadowDocument> {
    const answer = await this.#dataPlane.send(new GetThingShadowCommand({ thingName }));
    const text = Buffer.from(answer.payload ?? []).toString('utf8');
    return shadowDocument.parse(JSON.parse(text));
  }

  /** What the IoT policy allows. */
  async policyStatements(): Promise<readonly PolicyStatement[]> {
    const command = new GetPolicyCommand({ policyName: this.#policyName });
    const { policyDocument: text = '' } = await this.#control.send(command);
    return policyDocument
      .parse(JSON.parse(text))
      .Statement.filter(({ Effect }) => Effect === 'Allow')
      .map(({ Action, Resource }) => ({ actions: Action, resources: Resource }));
  }

  async detachPolicy(cognitoId: string): Promise<void> {
    const { policyName, target } = this.#attachment(cognitoId);
    await this.#control.send(new DetachPolicyCommand({ policyName, target }));
  }

  async attachPolicy(cognitoId: string): Promise<void> {
    await this.#control.send(new AttachPolicyCommand(this.#attachment(cognitoId)));
  }

  close(): void {
    this.#control.destroy();
    this.#dataPlane.destroy();
  }

  #attachment(target: string) {
    return { policyName: this.#policyName, target };
  }
}
