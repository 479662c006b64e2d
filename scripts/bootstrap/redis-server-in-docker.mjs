#!/usr/bin/env node
// redis-server's command line on top of `docker run`: REDIS_SERVER_BIN may name this file.
import { constants } from 'node:os';
import { spawn } from 'node:child_process';
import { dockerArguments, portOf, waitUntilFree } from './dockerRedis.mjs';

const args = process.argv.slice(2);
const port = portOf(args);
if (port !== undefined) {
  // The container of a server that was killed here takes a moment to follow it.
  await waitUntilFree(port, 10_000);
}
// stdin is held open and says nothing: when this process is gone, however it went, the pipe
// closes, and the container ends its server.
const docker = spawn('docker', dockerArguments(args, `courier-redis-${process.pid}`), {
  stdio: ['pipe', 'inherit', 'inherit'],
});
/** @type {NodeJS.Signals[]} */
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
for (const signal of signals) {
  process.on(signal, () => docker.kill('SIGTERM'));
}
docker.on('error', (error) => {
  process.stderr.write(`docker cannot be started: ${error.message}\n`);
  process.exitCode = 127;
});
docker.on('exit', (code, signal) => {
  process.exit(signal === null ? (code ?? 1) : 128 + constants.signals[signal]);
});
