export interface LineWait {
  readonly pattern: RegExp;
  readonly resolve: (match: RegExpExecArray) => void;
}

/** Collects what a stream says and answers waits for a line, past lines included. */
export class Lines {
  #text = '';
  #partial = '';
  readonly #lines: string[] = [];
  readonly #waits = new Set<LineWait>();

  get text(): string {
    return this.#text;
  }

  push(chunk: string): void {
    this.#text += chunk;
    const parts = (this.#partial + chunk).split('\n');
    this.#partial = parts.pop() ?? '';
    for (const line of parts) {
      this.#lines.push(line);
      for (const wait of this.#waits) {
        const match = wait.pattern.exec(line);
        if (match !== null) {
          this.#waits.delete(wait);
          wait.resolve(match);
        }
      }
    }
  }

  /** Returns how to give the wait up. */
  wait(pattern: RegExp, from: number, resolve: LineWait['resolve']): () => void {
    for (const line of this.#lines.slice(from)) {
      const match = pattern.exec(line);
      if (match !== null) {
        resolve(match);
        return () => {};
      }
    }
    const wait = { pattern, resolve };
    this.#waits.add(wait);
    return () => this.#waits.delete(wait);
  }

  get count(): number {
    return this.#lines.length;
  }
}
