import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

interface Pair {
  readonly client: Socket;
  readonly onward: Socket;
  /** What the client has said so far, its beginning and its end at least. */
  said: string;
}

const REMEMBERED = 4096;

/** Stands between clients and a Redis, and can fall silent as a network does that forgot about them. */
export class RedisRelay {
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  #losing: RegExp | undefined;

  private constructor(target: number) {
    this.#server = createServer((client) => {
      const onward = connect(target, '127.0.0.1');
      const pair: Pair = { client, onward, said: '' };
      this.#pairs.add(pair);
      client.on('data', (chunk: Buffer) => {
        const said = chunk.toString('latin1');
        pair.said = (pair.said + said).slice(-REMEMBERED);
        this.#lose(pair, said);
      });
      client.pipe(onward).pipe(client);
      for (const [socket, other] of [
        [client, onward],
        [onward, client],
      ] as const) {
        socket.on('error', () => undefined);
        socket.on('close', () => {
          this.#pairs.delete(pair);
          other.destroy();
        });
      }
    });
  }

  static async start(target: number): Promise<RedisRelay> {
    const relay = new RedisRelay(target);
    await new Promise<void>((resolve) => relay.#server.listen(0, '127.0.0.1', resolve));
    return relay;
  }

  get url(): string {
    return `redis://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /**
   * Forwards nothing any more over the connections that are open, and closes none; of those whose
   * last words match, where a pattern is given. New ones work.
   * @returns how many fell silent.
   */
  hang(saying: RegExp = /(?:)/): number {
    const chosen = [...this.#pairs].filter(({ said }) => saying.test(said));
    for (const { client, onward } of chosen) {
      for (const socket of [client, onward]) socket.unpipe().pause();
    }
    return chosen.length;
  }

  /** Cuts the next connection over which such a thing is said, once Redis has done and answered it. */
  loseAnswerTo(saying: RegExp): void {
    this.#losing = saying;
  }

  get hasLost(): boolean {
    return this.#losing === undefined;
  }

  #lose({ client, onward }: Pair, said: string): void {
    if (this.#losing?.test(said) !== true) return;
    this.#losing = undefined;
    onward.unpipe(client);
    onward.once('data', () => client.destroy()).resume();
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const { client, onward } of this.#pairs) {
      client.destroy();
      onward.destroy();
    }
    await closed;
  }
}
