/**
 * What a child process of a test inherits. Everything else stays out: the developer's own
 * `AWS_*`, `REDIS_URL` or `NODE_ENV` must not decide how a test ends.
 */
const INHERITED =
  /^(PATH|HOME|USER|LOGNAME|SHELL|TMPDIR|LANG|LC_.*|CI|REDIS_SERVER_BIN|NODE_EXTRA_CA_CERTS|(https?|no)_proxy|npm_config_.*|DOCKER_.*)$/i;

export function childEnvironment(
  extra: Readonly<Record<string, string | undefined>> = {},
): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => INHERITED.test(name));
  const environment = { ...Object.fromEntries(inherited), ...extra };
  return Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== undefined));
}
