/** Where the store is, as the configuration names it. */
export interface RedisTarget {
  /** `redis://` or `rediss://`; of a cluster one or more of its nodes, separated by commas. */
  readonly REDIS_URL: string;
  readonly REDIS_CLUSTER: 'on' | 'off';
}

/** What one URL of a cluster's node says. */
export interface Seed {
  readonly host: string;
  readonly port: number;
}

const DEFAULT_PORT = 6379;

/** Not at any comma: a password may hold one. */
export function urlsOf(redisUrl: string): readonly string[] {
  return redisUrl.split(/,(?=rediss?:\/\/)/).map((url) => url.trim());
}

export function seedOf(url: string): Seed {
  const { hostname, port } = new URL(url);
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || DEFAULT_PORT) };
}

/** What does not fit together, as the end of a sentence about REDIS_URL; repeats nothing of it. */
export function targetProblem({ REDIS_URL, REDIS_CLUSTER }: RedisTarget): string | undefined {
  const urls = urlsOf(REDIS_URL);
  if (REDIS_CLUSTER === 'off' && urls.length > 1) {
    return 'names several servers: set REDIS_CLUSTER=on where they are a Redis Cluster, or name one';
  }
  if (!urls.every((url) => URL.canParse(url))) {
    return 'holds what is no URL: in a user or password write # as %23, / as %2F, ? as %3F, % as %25';
  }
  const parsed = urls.map((url) => new URL(url));
  return (
    parsed.map(urlProblem).find((problem) => problem !== undefined) ??
    (REDIS_CLUSTER === 'on' ? clusterProblem(parsed) : undefined)
  );
}

/** What ioredis would throw at, or take for something else. */
function urlProblem({ username, password, pathname, search, hash }: URL): string | undefined {
  if (![username, password].every(isDecodable)) {
    return 'has a user or password with a % that begins no character: write it as %25';
  }
  if (username !== '' && password === '') {
    return 'names a user and no password: a password alone is written redis://:password@host';
  }
  if (search !== '' || hash !== '') {
    return 'goes on behind a ? or #, where nothing is read: user and password stand before the host, and rediss:// means TLS';
  }
  return /^\/?\d*$/.test(pathname) ? undefined : 'names a database that is no number';
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

function clusterProblem(urls: readonly URL[]): string | undefined {
  if (urls.some(({ pathname }) => !/^\/?0?$/.test(pathname))) {
    return 'names a database, and a Redis Cluster has number 0 only: leave it out';
  }
  const logins = new Set(
    urls.map(({ protocol, username, password }) => `${protocol} ${username} ${password}`),
  );
  if (logins.size > 1) {
    return "must name the same scheme, user and password for every node: they hold for the cluster's others too";
  }
  return undefined;
}

/** Where a Redis is, without the passwords that its URL may hold. */
export function redactedUrl(redisUrl: string): string {
  return urlsOf(redisUrl).map(redacted).join(',');
}

function redacted(url: string): string {
  try {
    const parsed = new URL(url);
    if (parsed.password !== '') parsed.password = '***';
    return parsed.toString();
  } catch {
    return 'REDIS_URL';
  }
}
