import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createCertificates } from '../../../src/emulator/tls/certificates.ts';
import { createCrtRuntime } from '../../../src/workers/connection/crtRuntime.ts';
import { explainUpgrade } from '../../../src/workers/connection/explainUpgrade.ts';
import { Link } from '../../../src/workers/connection/link.ts';
import { eventually } from '../../support/eventually.ts';

const CREDENTIALS = {
  accessKeyId: 'ASIATEST',
  secretKey: 'secret',
  sessionToken: 'token',
  expiresAt: Date.now() + 3_600_000,
};
const REGION = 'eu-west-1';

let server: Server;
let ca: string;
let upgrades = 0;

/** A gateway that takes every upgrade and answers none, and breaks off every other answer. */
beforeAll(async () => {
  const certificates = await createCertificates(Date.now(), undefined);
  ca = certificates.caCert;
  server = createServer({ key: certificates.key, cert: certificates.cert });
  server.on('upgrade', () => {
    upgrades += 1;
  });
  server.on('request', (_request, response) => {
    response.writeHead(403, { 'content-length': '1000' });
    response.write('{"message":', () => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const port = () => (server.address() as AddressInfo).port;

function start(openTimeoutMs: number, signal?: AbortSignal, mayConnect = true) {
  return Link.open(
    createCrtRuntime(ca),
    {
      host: 'localhost',
      port: port(),
      region: REGION,
      clientId: 'client',
      keepAliveSeconds: 30,
      awsFlowControl: true,
      openTimeoutMs,
    },
    CREDENTIALS,
    { mayConnect: () => mayConnect, onMessage: () => undefined, onDown: () => undefined },
    signal,
  );
}

test('an upgrade that is never answered ends at the deadline', async () => {
  expect(await start(200)).toEqual({ kind: 'network', reason: 'not connected within 200 ms' });
});

test('whoever waits for a connection may give it up', async () => {
  const giveUp = new AbortController();
  const before = upgrades;
  const opening = start(600_000, giveUp.signal);
  await eventually(() => expect(upgrades).toBe(before + 1));
  giveUp.abort();
  expect(await opening).toEqual({ kind: 'network', reason: 'given up' });
});

test('what was given up before it began connects nothing', async () => {
  const before = upgrades;
  expect(await start(600_000, AbortSignal.abort())).toEqual({
    kind: 'network',
    reason: 'given up',
  });
  expect(upgrades).toBe(before);
});

test('who may not connect any more when it comes to the upgrade sends none', async () => {
  const before = upgrades;
  expect(await start(10_000, undefined, false)).toMatchObject({ kind: 'network' });
  expect(upgrades).toBe(before);
});

test('a refusal whose explanation breaks off is explained by nothing, and waited for by nobody', async () => {
  const target = { host: 'localhost', port: port(), region: REGION, caPem: ca };
  const explained = await explainUpgrade(target, CREDENTIALS, new AbortController().signal);
  expect(explained).toBeUndefined();
});

test('credentials that ran out explain a refusal without asking', async () => {
  const target = { host: 'localhost', port: 1, region: REGION, caPem: ca };
  const expired = { ...CREDENTIALS, expiresAt: Date.now() - 1 };
  const explained = await explainUpgrade(target, expired, new AbortController().signal);
  expect(explained).toMatchObject({ stage: 'UPGRADE', gate: 'CREDENTIALS_EXPIRED' });
});
