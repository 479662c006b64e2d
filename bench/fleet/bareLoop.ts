/** The peer: a bare aws-crt loop, in a process of its own, driven over IPC. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { BenchIdentity } from '../emulator/account.ts';
import type { ReadyLine } from '../../src/emulator/emulator.ts';

export interface BareOrders {
  readonly ready: ReadyLine;
  readonly identities: readonly BenchIdentity[];
  readonly thingsEach: number;
}

export interface BareResult {
  readonly updates: number;
  readonly seconds: number;
}

export interface BareLoop {
  readonly pid: number;
  run(updates: number): Promise<BareResult>;
  stop(): void;
}

/** Resolves when all are connected and subscribed to the answers of all their things. */
export async function startBareLoop(orders: BareOrders): Promise<BareLoop> {
  const child = fork(new URL('bareLoopProcess.ts', import.meta.url), {
    execArgv: ['--import', 'tsx'],
  });
  const message = async <T>(): Promise<T> => {
    const ended = new AbortController();
    child.once('exit', () => ended.abort(new Error('the bare loop ended')));
    const [said] = await once(child, 'message', { signal: ended.signal });
    return said as T;
  };
  child.send(orders);
  await message();
  return {
    pid: child.pid ?? 0,
    async run(updates) {
      const result = message<BareResult>();
      child.send({ updates });
      return result;
    },
    stop: () => void child.kill(),
  };
}
