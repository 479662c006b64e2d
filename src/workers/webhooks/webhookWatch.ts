import type { NotificationKind, Webhook } from '../../shared/domain/webhook.ts';
import type { Webhooks } from '../../shared/store/webhooks.ts';

const FRESH_MS = 2000;

/** The webhooks that are told of something, as a worker's shards share them. */
export class WebhookWatch {
  readonly #webhooks: Webhooks;
  #known: Promise<readonly Webhook[]> | undefined;
  #knownAt = 0;

  constructor(webhooks: Webhooks) {
    this.#webhooks = webhooks;
  }

  /** Those that are enabled; at most two seconds old. */
  async enabled(): Promise<readonly Webhook[]> {
    if (this.#known === undefined || performance.now() - this.#knownAt > FRESH_MS) {
      this.#knownAt = performance.now();
      this.#known = this.#webhooks.all();
      // A failed reading is not kept.
      this.#known.catch(() => {
        this.#known = undefined;
      });
    }
    const all = await this.#known;
    return all.filter(({ disabled }) => disabled === undefined);
  }
}

/** Whether a webhook is to be told of this. */
export function wants(webhook: Webhook, kind: NotificationKind, at: number): boolean {
  return at >= webhook.since && (webhook.events as readonly string[]).includes(kind);
}
