import { type Environment, readVariables } from '../../shared/config/env.ts';
import { COMMON_VARIABLES, commonProblem } from '../../shared/config/common.ts';
import { CourierError } from '../../shared/errors/courierError.ts';
import { connectRedis } from '../../shared/redis/connect.ts';
import { Keys } from '../../shared/redis/keys.ts';
import { waitForRedis } from '../../shared/redis/waitForRedis.ts';
import { joinDeployment } from '../../shared/store/deployment.ts';
import { type ResealProgress, resealSecrets } from '../../shared/store/vaultReseal.ts';
import { Vault } from '../../shared/vault/vault.ts';
import { CliFailure } from '../failure.ts';

const { REDIS_URL, REDIS_CLUSTER, KEY_PREFIX, SHARD_COUNT, VAULT_KEYS, STARTUP_TIMEOUT_MS } =
  COMMON_VARIABLES;
const VARIABLES = {
  REDIS_URL,
  REDIS_CLUSTER,
  KEY_PREFIX,
  SHARD_COUNT,
  VAULT_KEYS,
  STARTUP_TIMEOUT_MS,
};
const FAILURES_SHOWN = 10;

/** Seals every secret with the first key of VAULT_KEYS; tells `say` how far it is. */
export async function reencrypt(env: Environment, say: (line: string) => void): Promise<void> {
  try {
    await reseal(env, say);
  } catch (error) {
    if (!(error instanceof CourierError)) throw error;
    const { message, remedy, exitCode } = error;
    throw new CliFailure(message, remedy, { exitCode });
  }
}

async function reseal(env: Environment, say: (line: string) => void): Promise<void> {
  const config = readVariables(VARIABLES, env, commonProblem);
  const redis = connectRedis(config).on('error', () => undefined);
  try {
    const keys = new Keys(config.KEY_PREFIX);
    const tell = (reason: string) => say(`Waiting for Redis: ${reason}`);
    await waitForRedis(redis, config.REDIS_URL, config.STARTUP_TIMEOUT_MS, tell);
    await joinDeployment(redis, keys, config.SHARD_COUNT);
    const vault = new Vault(config.VAULT_KEYS);
    let last: ResealProgress = { identities: 0, resealed: 0, current: 0, failures: [] };
    let told = 0;
    for await (const progress of resealSecrets(redis, keys, vault, config.SHARD_COUNT)) {
      last = progress;
      if (progress.identities - told >= 1000) {
        told = progress.identities;
        say(`${told} identities so far`);
      }
    }
    say(
      `${last.identities} identities: ${last.resealed} secrets sealed with ${config.VAULT_KEYS.active}, ${last.current} were already`,
    );
    if (last.failures.length > 0) throw unopened(last);
  } finally {
    redis.disconnect();
  }
}

function unopened({ failures }: ResealProgress): CliFailure {
  const shown = failures.slice(0, FAILURES_SHOWN).map(({ error }) => `  ${error.message}`);
  const left = failures.length - shown.length;
  return new CliFailure(
    `${failures.length} secrets could not be opened, and stay as they are:`,
    'Keep every old key in VAULT_KEYS until nothing needs it, or give those identities their secret again; then run this once more.',
    {
      exitCode: 70,
      detail: [...shown, ...(left > 0 ? [`  and ${left} more`] : [])].join('\n'),
    },
  );
}
