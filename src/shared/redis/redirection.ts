/** First word of Redis's error reply, which is its code; empty for any other error. */
export function replyCode(error: unknown): string {
  if (!(error instanceof Error) || error.name !== 'ReplyError') return '';
  return error.message.split(' ', 1)[0] ?? '';
}

/** What a transaction was refused for (EXECABORT itself does not say), or the error itself. */
export function causesOf(error: unknown): readonly unknown[] {
  const causes = error instanceof Error && 'previousErrors' in error ? error.previousErrors : [];
  return Array.isArray(causes) && causes.length > 0 ? causes : [error];
}
