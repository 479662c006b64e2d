import { once } from 'node:events';
import { WebSocket } from 'ws';
import type { RunningProcess } from '../../test/support/processes.ts';

/** What a program is started with so that `collectGarbage` can reach it. */
export const INSPECTED = '--inspect=127.0.0.1:0';

/**
 * Has V8 collect what nobody holds any more: with room to grow it lets garbage lie for minutes,
 * which says nothing of what a program needs.
 */
export async function collectGarbage(program: RunningProcess): Promise<void> {
  const [, url = ''] = await program.line(/Debugger listening on (ws:\S+)/);
  const inspector = new WebSocket(url);
  await once(inspector, 'open');
  const done = once(inspector, 'message');
  inspector.send(JSON.stringify({ id: 1, method: 'HeapProfiler.collectGarbage' }));
  await done;
  inspector.close();
}
