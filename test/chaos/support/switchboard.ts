import { createServer, connect, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';

/** One address for a Redis that moves, as a managed service's endpoint is through a failover. */
export class Switchboard {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #target: number;

  private constructor(target: number) {
    this.#target = target;
    this.#server = createServer((client) => {
      const onward = connect(this.#target, '127.0.0.1');
      this.#keep(client, onward);
      this.#keep(onward, client);
      client.pipe(onward).pipe(client);
    });
  }

  static async start(target: number): Promise<Switchboard> {
    const board = new Switchboard(target);
    await new Promise<void>((resolve) => board.#server.listen(0, '127.0.0.1', resolve));
    return board;
  }

  get url(): string {
    return `redis://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Whoever connects from now on gets there; what is open stays, as when a name gets another address. */
  pointTo(target: number): void {
    this.#target = target;
  }

  /** The same, and what is open is cut. */
  switchTo(target: number): void {
    this.pointTo(target);
    for (const socket of this.#sockets) socket.destroy();
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.switchTo(0);
    await closed;
  }

  #keep(socket: Socket, other: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#sockets.delete(socket);
      other.destroy();
    });
  }
}
