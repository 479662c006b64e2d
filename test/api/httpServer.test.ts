import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { request } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PeerCertificate, TLSSocket } from 'node:tls';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { generate } from 'selfsigned';
import { expect, onTestFinished, test } from 'vitest';
import { createHttpServer, type HttpServer } from '../../src/api/httpServer.ts';
import { createApiMetrics } from '../../src/api/metrics.ts';
import type { TlsFiles } from '../../src/api/tlsFiles.ts';
import { eventually } from '../support/eventually.ts';

const silent = pino({ level: 'silent' });

async function start(tls?: TlsFiles): Promise<HttpServer> {
  const server = createHttpServer({
    host: '127.0.0.1',
    port: 0,
    handler: (incoming, response) => {
      incoming.resume();
      response.end(`${incoming.method} ${incoming.url}`);
    },
    metrics: createApiMetrics(new Registry()),
    tls,
    log: silent,
  });
  onTestFinished(() => server.stop(AbortSignal.abort()));
  await server.start();
  return server;
}

async function tlsFiles(): Promise<TlsFiles & { renew(name: string): Promise<void> }> {
  const directory = await mkdtemp(join(tmpdir(), 'courier-tls-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const files = { certFile: join(directory, 'cert.pem'), keyFile: join(directory, 'key.pem') };
  const renew = async (name: string) => {
    const made = await generate([{ name: 'commonName', value: name }], { keySize: 2048 });
    writeFileSync(files.certFile, made.cert);
    writeFileSync(files.keyFile, made.private);
  };
  await renew('first');
  return { ...files, renew };
}

function get(url: string): Promise<{ headers: Record<string, unknown>; peer: PeerCertificate }> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { rejectUnauthorized: false, agent: false }, (response) => {
      const peer = (response.socket as TLSSocket).getPeerCertificate();
      response.resume().on('end', () => resolve({ headers: response.headers, peer }));
    });
    sent.on('error', reject).end();
  });
}

test('every answer says that it is data, nobody may frame it, and nobody may keep it', async () => {
  const { url } = await start();
  const { headers } = await fetch(url);
  expect(Object.fromEntries(headers)).toMatchObject({
    'content-security-policy': expect.stringMatching(/^default-src 'none'; frame-ancestors 'none'/),
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    'cross-origin-resource-policy': 'same-origin',
    'cache-control': 'no-store',
  });
  expect(headers.get('strict-transport-security')).toBeNull();
});

test('with a certificate it serves HTTPS only, and says that browsers shall stay with it', async () => {
  const { url } = await start(await tlsFiles());
  expect(url).toMatch(/^https:/);
  const { headers, peer } = await get(url);
  expect(headers['strict-transport-security']).toBe('max-age=63072000');
  expect(peer.subject.CN).toBe('first');
  await expect(fetch(url.replace('https:', 'http:'))).rejects.toThrow();
});

test('a new certificate is taken at SIGHUP, and one that is not good is not', async () => {
  const files = await tlsFiles();
  const { url } = await start(files);
  await files.renew('second');
  process.emit('SIGHUP', 'SIGHUP');
  await eventually(async () => expect((await get(url)).peer.subject.CN).toBe('second'));
  writeFileSync(files.certFile, 'nonsense');
  process.emit('SIGHUP', 'SIGHUP');
  expect((await get(url)).peer.subject.CN).toBe('second');
  const key = readFileSync(files.keyFile);
  await files.renew('third');
  writeFileSync(files.keyFile, key);
  process.emit('SIGHUP', 'SIGHUP');
  expect((await get(url)).peer.subject.CN).toBe('second');
});

test('it does not start with a certificate that is not good', async () => {
  const files = await tlsFiles();
  writeFileSync(files.keyFile, 'nonsense');
  await expect(start(files)).rejects.toThrow(/API_TLS_CERT_FILE and API_TLS_KEY_FILE are no/);
  await expect(start({ ...files, certFile: `${files.certFile}-not` })).rejects.toThrow(/ENOENT/);
});

test.each([
  ['two lengths', 'Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello'],
  ['a length and chunks', 'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /x'],
  ['chunks by another name', 'Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\nGET /x HTTP/1.1\r\n\r\n'],
  ['a length that is none', 'Content-Length: +5\r\n\r\nhello'],
  ['a header on two lines', 'X-A: b\r\n c: d\r\nContent-Length: 0 1\r\n\r\n'],
  ['a space before a colon', 'Content-Length : 5\r\n\r\nhello'],
  ['an absurdly long header', `X-A: ${'a'.repeat(100_000)}\r\n\r\n`],
])('a request with %s is refused, and nothing hides in it', async (_name, rest) => {
  const { url } = await start();
  const { port } = new URL(url);
  const answer = await new Promise<string>((resolve, reject) => {
    let text = '';
    const socket = connect(Number(port), '127.0.0.1', () => {
      socket.write(`POST /one HTTP/1.1\r\nHost: api\r\n${rest}`);
    });
    socket.on('data', (chunk) => {
      text += chunk.toString();
    });
    socket.on('close', () => resolve(text));
    socket.on('error', reject);
  });
  expect(answer).toMatch(/^HTTP\/1\.1 (4\d\d|501) /);
  expect(answer.match(/HTTP\/1\.1/g)).toHaveLength(1);
});

test('a port that is in use is named', async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void taken.close());
  const server = createHttpServer({
    host: '127.0.0.1',
    port: (taken.address() as AddressInfo).port,
    handler: () => undefined,
    metrics: createApiMetrics(new Registry()),
    log: silent,
  });
  await expect(server.start()).rejects.toThrow(/in use/);
});
