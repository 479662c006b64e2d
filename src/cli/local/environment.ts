import { API_VARIABLES } from '../../shared/config/api.ts';
import { WORKER_VARIABLES } from '../../shared/config/worker.ts';

/** What any program needs of the machine. The user's own `AWS_*` stay out: all of it is local. */
const OF_THE_MACHINE =
  /^(PATH|HOME|USER|LOGNAME|SHELL|LANG|LC_.*|TZ|NODE_OPTIONS|DOCKER_.*|COURIER_TEST_.*)$/;

/** Without it the AWS SDK writes a page about Node 20 into every log. */
const QUIET = { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' } as const;

/** The base environment of every process that is started here. */
export function machineEnvironment(env: NodeJS.ProcessEnv, tmp: string): NodeJS.ProcessEnv {
  const kept = Object.entries(env).filter(([name]) => OF_THE_MACHINE.test(name));
  return { ...Object.fromEntries(kept), TMPDIR: tmp, ...QUIET };
}

/** Product settings that the user has set, so that `LEASE_MS=3000 npm run dev` does as it says. */
export function tuning(env: NodeJS.ProcessEnv): Record<string, string> {
  const names = Object.keys({ ...API_VARIABLES, ...WORKER_VARIABLES });
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
