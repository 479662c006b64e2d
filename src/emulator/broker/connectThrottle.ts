/** When a CONNECT of each client id was last let through (aws-facts 3.6). */
export class ConnectThrottle {
  readonly #windowMs: number;
  readonly #lastMs = new Map<string, number>();

  /** A window of 0 lets everything through. */
  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  /** A CONNECT that is refused here does not start the window again. */
  admit(clientId: string, nowMs: number): boolean {
    if (this.#windowMs <= 0) return true;
    const last = this.#lastMs.get(clientId);
    if (last !== undefined && nowMs - last < this.#windowMs) return false;
    this.#lastMs.set(clientId, nowMs);
    return true;
  }

  sweep(nowMs: number): void {
    for (const [clientId, last] of this.#lastMs) {
      if (nowMs - last >= this.#windowMs) this.#lastMs.delete(clientId);
    }
  }
}
