/** Calls the emulator's own endpoints below `/_emulator`. */
export class Control {
  readonly #base: string;

  constructor(httpEndpoint: string) {
    this.#base = `${httpEndpoint}/_emulator`;
  }

  get(path: string): Promise<unknown> {
    return this.#call('GET', path);
  }

  async call(
    method: string,
    path: string,
    body?: unknown,
  ): Promise<{ status: number; body: unknown }> {
    const answer = await fetch(`${this.#base}${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: answer.status, body: await answer.json() };
  }

  post(path: string, body: unknown = {}): Promise<unknown> {
    return this.#call('POST', path, body);
  }

  delete(path: string): Promise<unknown> {
    return this.#call('DELETE', path);
  }

  async #call(method: string, path: string, body?: unknown): Promise<unknown> {
    const answer = await this.call(method, path, body);
    if (answer.status !== 200) throw new Error(`${path}: ${JSON.stringify(answer.body)}`);
    return answer.body;
  }
}
