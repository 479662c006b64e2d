import type { Webhook } from '../domain/webhook.ts';
import { newWebhookId, newWebhookSecret, webhookBinding } from '../domain/webhook.ts';
import { CourierError } from '../errors/courierError.ts';
import type { RedisClient } from '../redis/client.ts';
import type { Keys } from '../redis/keys.ts';
import { runScript } from '../redis/script.ts';
import type { Vault } from '../vault/vault.ts';
import { COUNT_FAILURE, WRITE_WEBHOOK } from './lua/webhookScripts.ts';

/** The most webhooks of a deployment: every worker knows all of them. */
const MOST = 50;

/** What a webhook is made of by whoever makes it. */
export type WebhookDraft = Pick<Webhook, 'name' | 'url' | 'events' | 'createdBy'>;

/** The webhooks of a deployment, with their secrets, sealed. */
export class Webhooks {
  readonly #redis: RedisClient;
  readonly #keys: Keys;
  readonly #vault: Vault;

  constructor(redis: RedisClient, keys: Keys, vault: Vault) {
    this.#redis = redis;
    this.#keys = keys;
    this.#vault = vault;
  }

  /** All of them, oldest first. */
  async all(): Promise<readonly Webhook[]> {
    const texts = await this.#redis.hvals(this.#keys.webhooks);
    const all = texts.map((text) => JSON.parse(text) as Webhook);
    return all.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  }

  async find(id: string): Promise<Webhook | undefined> {
    const text = await this.#redis.hget(this.#keys.webhooks, id);
    return text === null ? undefined : (JSON.parse(text) as Webhook);
  }

  /** @returns the webhook and its secret, which nothing tells again. @throws TOO_MANY_WEBHOOKS */
  async create(draft: WebhookDraft): Promise<{ webhook: Webhook; secret: string }> {
    const id = newWebhookId();
    const secret = newWebhookSecret();
    const at = Date.now();
    const webhook: Webhook = {
      id,
      ...draft,
      since: at,
      createdAt: at,
      secret: this.#vault.seal(secret, webhookBinding(id)),
    };
    if ((await this.#write(id, '', JSON.stringify(webhook))) === 'full') {
      throw new CourierError(
        'TOO_MANY_WEBHOOKS',
        `There are ${MOST} webhooks, and no room for another one.`,
        'Delete one that nobody needs, or have one receiver tell the others.',
      );
    }
    return { webhook, secret };
  }

  /** Changes one, whatever others change meanwhile. @throws WEBHOOK_NOT_FOUND */
  async change(id: string, how: (webhook: Webhook) => Webhook): Promise<Webhook> {
    for (;;) {
      const text = await this.#redis.hget(this.#keys.webhooks, id);
      if (text === null) throw webhookNotFound(id);
      const webhook = how(JSON.parse(text) as Webhook);
      if ((await this.#write(id, text, JSON.stringify(webhook))) === 'written') return webhook;
    }
  }

  /** Gives it another secret; the one before signs as well until `until`. */
  async rotate(id: string, until: number): Promise<{ webhook: Webhook; secret: string }> {
    const secret = newWebhookSecret();
    const sealed = this.#vault.seal(secret, webhookBinding(id));
    const webhook = await this.change(id, (before) => ({
      ...before,
      secret: sealed,
      formerSecret: { secret: before.secret, until },
    }));
    return { webhook, secret };
  }

  /** @throws WEBHOOK_NOT_FOUND */
  async remove(id: string): Promise<Webhook> {
    for (;;) {
      const text = await this.#redis.hget(this.#keys.webhooks, id);
      if (text === null) throw webhookNotFound(id);
      if ((await this.#write(id, text, '')) === 'written') return JSON.parse(text) as Webhook;
    }
  }

  /** The secrets that sign now. @throws VAULT_KEY_UNKNOWN, VAULT_CORRUPT */
  secretsOf({ id, secret, formerSecret }: Webhook): readonly string[] {
    const former = formerSecret && formerSecret.until > Date.now() ? [formerSecret.secret] : [];
    return [secret, ...former].map((sealed) => this.#vault.open(sealed, webhookBinding(id)));
  }

  /** Deliveries in a row that were given up. */
  async failures(id: string): Promise<number> {
    return Number((await this.#redis.hget(this.#keys.webhookFailures, id)) ?? 0);
  }

  /** Counts a delivery that was given up, or begins anew. @returns how many in a row. */
  async countFailure(id: string, failed: boolean): Promise<number> {
    if (failed) return (await runScript(this.#redis, COUNT_FAILURE, this.#hashes, [id])) as number;
    await this.#redis.hdel(this.#keys.webhookFailures, id);
    return 0;
  }

  /**
   * Seals a webhook's secrets with the vault's active key.
   * @throws VAULT_KEY_UNKNOWN, VAULT_CORRUPT
   */
  async reseal(id: string): Promise<void> {
    const again = (sealed: string) => {
      const binding = webhookBinding(id);
      if (this.#vault.isCurrent(sealed)) return sealed;
      return this.#vault.seal(this.#vault.open(sealed, binding), binding);
    };
    await this.change(id, ({ secret, formerSecret, ...rest }) => ({
      ...rest,
      secret: again(secret),
      formerSecret: formerSecret && { ...formerSecret, secret: again(formerSecret.secret) },
    }));
  }

  /** Whether the vault's active key sealed all of it. */
  isCurrent({ secret, formerSecret }: Webhook): boolean {
    return [secret, formerSecret?.secret ?? secret].every((one) => this.#vault.isCurrent(one));
  }

  async #write(id: string, before: string, after: string): Promise<unknown> {
    return runScript(this.#redis, WRITE_WEBHOOK, this.#hashes, [id, before, after, MOST]);
  }

  get #hashes(): readonly string[] {
    return [this.#keys.webhooks, this.#keys.webhookFailures];
  }
}

export function webhookNotFound(id: string): CourierError {
  return new CourierError(
    'WEBHOOK_NOT_FOUND',
    `No webhook has the id "${id.slice(0, 64)}".`,
    'Look at webhooks { nodes { id name } }.',
  );
}
