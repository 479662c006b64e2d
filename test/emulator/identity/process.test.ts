import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { X509Certificate } from 'node:crypto';
import { connect } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { startEmulatorProcess } from '../../support/emulator.ts';
import { startProgram } from '../../support/processes.ts';

const readyLine = z.strictObject({
  ready: z.literal(true),
  region: z.string(),
  userPoolId: z.string(),
  clientId: z.string(),
  clientSecret: z.string(),
  identityPoolId: z.string(),
  iotPolicyName: z.string(),
  endpoints: z.strictObject({
    cognitoIdp: z.url(),
    cognitoIdentity: z.url(),
    iot: z.url(),
    iotData: z.string().regex(/^localhost:\d+$/),
  }),
  caFile: z.string(),
  users: z.array(z.strictObject({ username: z.string(), password: z.string() })),
});

describe('the emulator as a process', () => {
  it('prints one line when ready, and leaves nothing behind on SIGTERM', async () => {
    const { ready, process } = await startEmulatorProcess(['--users', '2', '--seed', 'same'], {
      schema: readyLine,
    });
    expect(process.stdout.trim().split('\n')).toHaveLength(1);
    expect(ready.users.map((user) => user.username)).toEqual(['user-0001', 'user-0002']);
    expect(existsSync(ready.caFile)).toBe(true);

    const [host = '', port] = ready.endpoints.iotData.split(':');
    const ca = readFileSync(ready.caFile);
    const socket = connect({ host, port: Number(port), ca, servername: host });
    await new Promise((resolve, reject) => {
      socket.once('secureConnect', resolve);
      socket.once('error', reject);
    });
    const certificate = new X509Certificate(socket.getPeerCertificate(true).raw);
    expect(certificate.subjectAltName).toBe(
      'DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1',
    );
    socket.destroy();

    const exit = await process.stop();
    expect(exit).toEqual({ code: 0, signal: null });
    expect(existsSync(ready.caFile)).toBe(false);
  });

  // A kill of the process group reaches it directly, and once more through npm.
  it.each([
    ['SIGTERM', 'SIGTERM'],
    ['SIGHUP', 'SIGINT'],
  ] as const)('leaves nothing behind where %s is followed by %s', async (first, second) => {
    const { ready, process } = await startEmulatorProcess(['--users', '1']);
    process.signal(first);
    await process.line(/stopping/);
    process.signal(second);
    expect(await process.exited).toEqual({ code: 0, signal: null });
    expect(existsSync(ready.caFile)).toBe(false);
    expect(process.stderr.match(/stopping/g)).toHaveLength(1);
  });

  it('serves other machines under its own name, and leaves its CA where it is told to', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'courier-host-'));
    const caFile = join(directory, 'ca.pem');
    const { ready, process } = await startEmulatorProcess(
      ['--users=0', '--listen=0.0.0.0', '--hostname=emulator.test', `--ca-file=${caFile}`],
      { schema: readyLine.extend({ endpoints: z.record(z.string(), z.string()) }) },
    );
    expect(ready.caFile).toBe(caFile);
    expect(ready.endpoints).toMatchObject({
      iot: expect.stringMatching(/^http:\/\/emulator\.test:\d+$/),
      iotData: expect.stringMatching(/^emulator\.test:\d+$/),
    });
    const port = Number(ready.endpoints['iotData']?.split(':')[1]);
    const socket = connect({ port, ca: readFileSync(caFile), servername: 'emulator.test' });
    await new Promise((resolve, reject) => {
      socket.once('secureConnect', () => resolve(undefined));
      socket.once('error', reject);
    });
    socket.destroy();
    await process.stop();
    expect(existsSync(caFile)).toBe(true);
    await rm(directory, { recursive: true });
  });

  it('says everything that is wrong with its options, and exits with 2', async () => {
    const program = await startProgram('src/emulator/main.ts', ['--users', 'x', '--quotas', 'y']);
    expect(await program.exited).toEqual({ code: 2, signal: null });
    expect(program.stderr).toContain('--users must be a number');
    expect(program.stderr).toContain('--quotas must be one of off, default, small');
    expect(program.stdout).toBe('');
  });

  it('says which template it cannot read, and exits with 1', async () => {
    const program = await startProgram('src/emulator/main.ts', ['--template', '/nowhere.yaml']);
    expect(await program.exited).toEqual({ code: 1, signal: null });
    expect(program.stderr).toContain('/nowhere.yaml');
  });
});
