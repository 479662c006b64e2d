import { join } from 'node:path';
import { expect, test } from 'vitest';
import { dockerArguments } from '../../scripts/bootstrap/dockerRedis.mjs';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/freePort.ts';
import { isRunning } from '../support/marks.ts';
import { startProcess } from '../support/processes.ts';
import { pathWith, temporaryDirectory } from './sandbox.ts';

const SHIM = join(process.cwd(), 'scripts/bootstrap/redis-server-in-docker.mjs');

/** A docker whose containers are processes of this machine: it runs what would run inside. */
const LOCAL_DOCKER = `
while [ "$1" != -c ]; do shift; done
echo "docker $$"
exec sh "$@"`;

async function startShim(settings: readonly string[]) {
  const port = await freePort();
  const docker = pathWith({ docker: LOCAL_DOCKER });
  return startProcess(SHIM, ['--port', String(port), ...settings], {
    cwd: temporaryDirectory(),
    env: { PATH: `${docker}:${process.env.PATH}` },
  });
}

async function startServer() {
  const shim = await startShim(['--save', '']);
  const [, pid] = await shim.line(/^docker (\d+)$/);
  await shim.line(/Ready to accept connections/);
  return { shim, container: Number(pid) };
}

test('a container is published on the loopback only and works in the directory of its server', () => {
  const args = dockerArguments(['--port', '12345', '--dir', '/tmp/here'], 'courier-redis-1');
  const line = args.join(' ');
  expect(line).toContain('run --rm --init --interactive --name courier-redis-1');
  expect(line).toContain('--publish 127.0.0.1:12345:12345');
  expect(line).toContain('--volume /tmp/here:/tmp/here --workdir /tmp/here');
  expect(line.endsWith('--port 12345 --dir /tmp/here --bind 0.0.0.0 --protected-mode no')).toBe(
    true,
  );
});

test('a question for the version needs neither port nor supervisor', () => {
  expect(dockerArguments(['--version'], 'courier-redis-1').slice(-2)).toEqual([
    'redis-server',
    '--version',
  ]);
});

test('SIGTERM ends the server in order, and its exit code comes back', async () => {
  const { shim } = await startServer();
  shim.signal('SIGTERM');
  expect(await shim.exited).toEqual({ code: 0, signal: null });
  expect(shim.stdout).toContain('Redis is now ready to exit');
  expect(shim.descendants()).toEqual([]);
});

test('the container ends with its program, even one that was killed', async () => {
  const { shim, container } = await startServer();
  shim.signal('SIGKILL');
  await eventually(() => expect(isRunning(container)).toBe(false));
  await eventually(() => expect(shim.descendants()).toEqual([]));
});

test('a server that does not start gives its exit code', async () => {
  const shim = await startShim(['--no-such-setting', '1']);
  expect((await shim.exited).code).toBe(1);
});
