import { Cluster, type Redis } from 'ioredis';
import { type Service, service } from '../lifecycle/service.ts';
import type { RedisClient } from './client.ts';

export interface GuardSettings {
  /** How long a PING may go unanswered, in milliseconds. */
  readonly silenceMs: number;
  /** Told of every connection that was made anew. */
  onRenewed(): void;
}

/**
 * Makes connections anew that hang: the network forgot them without telling (a NAT, a firewall, a
 * host that vanished), so that their commands wait until the system gives up, which takes a quarter
 * of an hour. Only where Redis answers a new connection meanwhile: one that is merely slow, or
 * paused, answers the old ones too in the end, and would run what it got twice.
 */
export function connectionGuard(clients: readonly RedisClient[], settings: GuardSettings): Service {
  let timer: NodeJS.Timeout | undefined;
  let looking = false;
  const look = async () => {
    if (looking) return;
    looking = true;
    try {
      const nodes = clients.flatMap(nodesOf).filter(({ status }) => status === 'ready');
      await Promise.all(nodes.map((node) => renewWhereSilent(node, settings)));
    } finally {
      looking = false;
    }
  };
  return service({
    name: 'connection guard',
    start: () => {
      timer = setInterval(() => void look(), settings.silenceMs);
      return Promise.resolve();
    },
    stop: () => {
      clearInterval(timer);
      return Promise.resolve();
    },
  });
}

function nodesOf(client: RedisClient): readonly Redis[] {
  return client instanceof Cluster ? client.nodes('all') : [client];
}

async function renewWhereSilent(node: Redis, settings: GuardSettings): Promise<void> {
  let answered = false;
  const asked = node.ping().then(() => {
    answered = true;
  });
  await within(settings.silenceMs, asked);
  // One that is not ready is being made anew already.
  const isSilent = () => !answered && node.status === 'ready';
  if (!isSilent()) return;
  const another = node.duplicate({ lazyConnect: true, retryStrategy: () => null });
  another.on('error', () => undefined);
  try {
    const reached = await within(settings.silenceMs, another.ping());
    if (!reached || !isSilent()) return;
    settings.onRenewed();
    node.disconnect(true);
  } finally {
    another.disconnect();
  }
}

/** Whether it was fulfilled in time. */
function within(limitMs: number, promise: Promise<unknown>): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), limitMs);
    promise.then(
      () => {
        clearTimeout(timer);
        resolve(true);
      },
      () => {
        clearTimeout(timer);
        resolve(false);
      },
    );
  });
}
