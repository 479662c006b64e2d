import { afterEach, beforeEach, expect, test } from 'vitest';
import { AllowedNetworks } from '../../../src/shared/webhooks/networks.ts';
import { webhookUrlProblem } from '../../../src/shared/webhooks/webhookUrl.ts';
import { postWebhook } from '../../../src/workers/webhooks/postWebhook.ts';
import { Receiver } from './support/receiver.ts';
import { LOCAL } from './support/webhookWorld.ts';

const PUBLIC_ONLY = new AllowedNetworks([]);
let receiver: Receiver;

beforeEach(async () => {
  receiver = await Receiver.start();
});

afterEach(() => receiver.stop());

const post = (url: string, networks = LOCAL, timeoutMs = 5000) =>
  postWebhook({ url, headers: {}, body: '{}', timeoutMs, networks });

test.each([
  '127.0.0.1',
  '2130706433',
  '0x7f.1',
  '0.0.0.0',
  '10.1.2.3',
  '172.16.0.1',
  '192.168.1.1',
  '100.64.0.1',
  '169.254.169.254',
  '224.0.0.1',
  '[::1]',
  '[::]',
  '[::ffff:127.0.0.1]',
  '[::ffff:a9fe:a9fe]',
  '[fd00:ec2::254]',
  '[fe80::1]',
  '[64:ff9b::7f00:1]',
])('%s is refused, before it is called and when it is', async (host) => {
  for (const scheme of ['http', 'https']) {
    const url = `${scheme}://${host}:${receiver.port}/`;
    expect(webhookUrlProblem(url, PUBLIC_ONLY)?.code).toMatch(/^WEBHOOK_/);
    expect(await post(url, PUBLIC_ONLY)).toEqual({
      outcome: 'refused_address',
      status: undefined,
      error: expect.any(String),
    });
  }
  expect(receiver.received).toEqual([]);
});

test('a name that resolves to a private address is refused when it is connected to', async () => {
  const url = `https://localhost:${receiver.port}/`;
  // Nothing is wrong with the name: what it points to is known only then.
  expect(webhookUrlProblem(url, PUBLIC_ONLY)).toBeUndefined();
  const { error } = await post(url, PUBLIC_ONLY);
  expect(error).toMatch(/(127\.0\.0\.1|::1) is private, local or reserved/);
  expect(receiver.received).toEqual([]);
});

test('what is allowed by name is called, also without TLS; nothing else is', async () => {
  expect(await post(receiver.url)).toEqual({ outcome: 'delivered', status: 204, error: undefined });
  expect(webhookUrlProblem('http://93.184.216.34/', LOCAL)?.code).toBe('WEBHOOK_URL_INVALID');
  expect(webhookUrlProblem('http://receiver.internal/', LOCAL)).toBeUndefined();
  expect(webhookUrlProblem('http://example.com/', PUBLIC_ONLY)?.code).toBe('WEBHOOK_URL_INVALID');
  expect(webhookUrlProblem('https://93.184.216.34/', LOCAL)).toBeUndefined();
});

test.each([
  'ftp://example.com/',
  'https://user:password@example.com/',
  'https://example.com/#part',
  'https://example.com/\r\nx-injected: yes',
  'https://exa\tmple.com/',
  ' https://example.com/',
  'javascript:alert(1)',
  'example.com',
  `https://example.com/${'a'.repeat(2000)}`,
])('%j is no URL of a webhook', (url) => {
  expect(webhookUrlProblem(url, LOCAL)?.code).toBe('WEBHOOK_URL_INVALID');
});

test('redirects are not followed', async () => {
  const other = await Receiver.start();
  receiver.respond = (response) => response.writeHead(307, { location: other.url }).end();
  const answer = await post(receiver.url);
  expect(answer).toEqual({
    outcome: 'http_3xx',
    status: 307,
    error: 'Redirects are not followed.',
  });
  expect(other.received).toEqual([]);
  await other.stop();
});

test('an answer without end is cut off, and one that never comes is not waited for', async () => {
  receiver.respond = (response) => {
    response.writeHead(200);
    const more = () => {
      if (!response.destroyed) response.write('x'.repeat(65_536), () => setImmediate(more));
    };
    more();
  };
  expect(await post(receiver.url)).toEqual({ outcome: 'delivered', status: 200, error: undefined });
  receiver.respond = () => undefined;
  expect(await post(receiver.url, LOCAL, 100)).toEqual({
    outcome: 'timeout',
    status: undefined,
    error: 'No answer within 100 ms.',
  });
});

test('a receiver that would rather speak another protocol ends the attempt at once', async () => {
  receiver.respond = (response) =>
    response.socket?.write(
      'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n',
    );
  expect(await post(receiver.url)).toEqual({
    outcome: 'network',
    status: undefined,
    error: 'The connection ended without an answer.',
  });
});
