/** Longer than a healthy AWS API ever takes; the SDK's own default is to wait for ever. */
const CALL_TIMEOUT_MS = 10_000;

/**
 * Makes a call that ends: with its answer, at a deadline of its own, or with whoever waits for it.
 * The SDK is told to give up too, but not relied on.
 * @throws what the call throws, the signal's reason, or an error that names the deadline.
 */
export async function awsCall<T>(
  signal: AbortSignal,
  call: (signal: AbortSignal) => Promise<T>,
  timeoutMs: number = CALL_TIMEOUT_MS,
): Promise<T> {
  signal.throwIfAborted();
  const limit = new AbortController();
  const over = new Promise<never>((_resolve, reject) => {
    limit.signal.addEventListener('abort', () => reject(limit.signal.reason), { once: true });
  });
  const giveUp = () => limit.abort(signal.reason);
  signal.addEventListener('abort', giveUp, { once: true });
  const timer = setTimeout(() => {
    limit.abort(new Error(`no answer within ${timeoutMs} ms`));
  }, timeoutMs);
  try {
    return await Promise.race([call(limit.signal), over]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', giveUp);
  }
}
