/** A peer of the bench in a process of its own, driven over IPC. */
import { fork } from 'node:child_process';
import { once } from 'node:events';

export interface Peer {
  readonly pid: number;
  /** One question at a time; rejects where the peer ends instead. */
  ask<Answer>(question: object): Promise<Answer>;
  stop(): Promise<void>;
}

/** Starts a program that calls `servePeer`; resolves once it is ready. */
export async function startPeer(program: URL, orders: object): Promise<Peer> {
  const child = fork(program, { execArgv: ['--import', 'tsx'] });
  const ended = new AbortController();
  const exited = once(child, 'exit').then(() => ended.abort(new Error(`${program.href} ended`)));
  const ask = async <Answer>(question: object): Promise<Answer> => {
    const answer = once(child, 'message', { signal: ended.signal });
    child.send(question);
    const [said] = await answer;
    return said as Answer;
  };
  await ask(orders);
  return {
    pid: child.pid ?? 0,
    ask,
    async stop() {
      child.kill();
      await exited;
    },
  };
}

/** What a peer does once it is ready; orders and questions are what the bench sends it. */
type GetReady = (orders: never) => Promise<(question: never) => Promise<object>>;

/** The peer's side: gets ready by its orders, then answers question after question. */
export async function servePeer(getReady: GetReady): Promise<void> {
  const [orders] = (await once(process, 'message')) as [never];
  const answer = await getReady(orders);
  process.on('message', (question) => {
    answer(question as never).then(
      (said) => process.send?.(said),
      (error: unknown) => {
        // The bench sees the exit; nothing else would tell it.
        process.stderr.write(`${String(error)}\n`);
        process.exit(1);
      },
    );
  });
  // Whoever asks may be gone without a word.
  process.once('disconnect', () => process.exit(0));
  process.send?.({ ready: true });
}
