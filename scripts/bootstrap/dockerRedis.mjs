import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { REDIS_IMAGE } from './redisFromDocker.mjs';

/**
 * Inside the container: the server, told to end on SIGTERM and killed when stdin closes.
 * stdin is duplicated first, because a shell gives its background jobs an empty one.
 */
const SUPERVISOR = `
exec 3<&0
redis-server "$@" &
redis=$!
trap 'kill -TERM $redis' TERM INT
{ cat <&3 >/dev/null; kill -KILL $redis; } &
wait $redis
code=$?
while kill -0 $redis 2>/dev/null; do
  wait $redis
  code=$?
done
exit $code
`;

/**
 * @param {readonly string[]} args redis-server's
 * @param {string} name
 * @returns {string | undefined} the last value, which is the one that counts
 */
function valueOf(args, name) {
  const at = args.lastIndexOf(`--${name}`);
  return at === -1 ? undefined : args[at + 1];
}

/**
 * @param {readonly string[]} args redis-server's
 * @returns {number | undefined}
 */
export function portOf(args) {
  const port = valueOf(args, 'port');
  return port === undefined ? undefined : Number(port);
}

/**
 * @param {readonly string[]} args redis-server's
 * @param {string} name of the container
 * @returns {string[]} docker's
 */
export function dockerArguments(args, name) {
  const container = ['run', '--rm', '--init', '--interactive', '--name', name];
  const port = portOf(args);
  if (port === undefined) {
    return [...container, REDIS_IMAGE, 'redis-server', ...args];
  }
  const user = `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`;
  container.push('--user', user, '--publish', `127.0.0.1:${port}:${port}`);
  const directory = valueOf(args, 'dir');
  if (directory !== undefined) {
    container.push('--volume', `${directory}:${directory}`, '--workdir', directory);
  }
  // Open inside the container; only the loopback of the machine leads there.
  const inside = ['--bind', '0.0.0.0', '--protected-mode', 'no'];
  const supervisor = ['--entrypoint', 'sh', REDIS_IMAGE, '-c', SUPERVISOR, 'sh'];
  return [...container, ...supervisor, ...args, ...inside];
}

/**
 * @param {number} port
 * @returns {Promise<boolean>}
 */
async function isFree(port) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/**
 * Returns at the deadline too: Docker then says what is wrong with the port.
 * @param {number} port
 * @param {number} deadlineMs
 */
export async function waitUntilFree(port, deadlineMs) {
  const startedAt = performance.now();
  while (!(await isFree(port)) && performance.now() - startedAt < deadlineMs) {
    await delay(50);
  }
}
