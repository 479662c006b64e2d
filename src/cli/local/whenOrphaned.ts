const LOOK_MS = 500;

/**
 * Calls back once when the npm command that started us is gone: killed outright, it passes no
 * signal on, and nobody is left who waits for us. Started in another way, a parent may go, as a
 * shell does that we were sent to the background of. Answers how to end the watch.
 */
export function whenOrphaned(env: NodeJS.ProcessEnv, orphaned: () => void): () => void {
  if (env.npm_lifecycle_event === undefined) return () => undefined;
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    orphaned();
  }, LOOK_MS);
  return () => clearInterval(timer);
}
