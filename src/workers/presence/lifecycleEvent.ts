import { z } from 'zod';

const PREFIX = '$aws/events/presence/';
/** Of every client; the policies of infra/template.yaml allow both. */
export const PRESENCE_FILTERS = [`${PREFIX}connected/+`, `${PREFIX}disconnected/+`] as const;

export function isPresenceTopic(topic: string): boolean {
  return topic.startsWith(PREFIX);
}

/** What AWS IoT publishes when a client connects or disconnects ("Lifecycle events" in its guide). */
const lifecycleEvent = z.object({
  clientId: z.string().min(1).max(256),
  eventType: z.enum(['connected', 'disconnected']),
  /** Epoch milliseconds of AWS's clock. */
  timestamp: z.number().int().nonnegative(),
  sessionIdentifier: z.string().max(256).default(''),
  versionNumber: z.number().int().nonnegative(),
  disconnectReason: z.string().max(64).default(''),
  ipAddress: z.string().max(64).default(''),
});
export type LifecycleEvent = z.infer<typeof lifecycleEvent>;

/** @returns undefined for what is no such event. */
export function parseLifecycleEvent(payload: ArrayBuffer): LifecycleEvent | undefined {
  try {
    return lifecycleEvent.parse(JSON.parse(Buffer.from(payload).toString('utf8')));
  } catch {
    return undefined;
  }
}
