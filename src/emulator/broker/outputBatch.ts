/**
 * Writes of many connections, done once per turn of the event loop: what a burst of reads answers
 * leaves in one TLS record and one system call per connection instead of one per packet.
 */
export interface Flushable {
  flush(): void;
}

export class OutputBatch {
  #dirty: Flushable[] = [];

  add(writer: Flushable): void {
    if (this.#dirty.length === 0) setImmediate(() => this.#flushAll());
    this.#dirty.push(writer);
  }

  #flushAll(): void {
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const writer of dirty) writer.flush();
  }
}
