import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { HonoAdapter } from '@bull-board/hono';
import { serveStatic } from '@hono/node-server/serve-static';
import type { Queue } from 'bullmq';
import { Hono } from 'hono';
import type { ShardQueues } from '../../shared/queue/shardQueues.ts';

export interface BoardQueue {
  readonly queue: Queue;
  /** Tells it from the others, whose queues may have the same name: `shard-7.`. */
  readonly prefix: string;
  readonly displayName: string;
  /** Of what the API tells admins alone. */
  readonly forAdmins?: boolean;
}

/**
 * Bull Board under `path`, as a Hono app of its own. What it can change is BullMQ's, jobs and
 * queues: an update whose job is removed gets another one by the sweep of its shard's owner.
 */
export function createQueueBoard(
  queues: readonly BoardQueue[],
  settings: { readonly path: string; readonly readOnly: boolean },
): Hono {
  const { path, readOnly } = settings;
  const adapter = new HonoAdapter(serveStatic);
  adapter.setBasePath(path);
  createBullBoard({
    queues: queues.map(
      ({ queue, prefix, displayName }) =>
        new BullMQAdapter(queue, { prefix, displayName, readOnlyMode: readOnly }),
    ),
    serverAdapter: adapter,
    options: {
      uiConfig: {
        boardTitle: readOnly ? 'Shadow Courier (read-only)' : 'Shadow Courier',
        favIcon: { default: 'data:,', alternative: 'data:,' },
        miscLinks: [{ text: 'Sign out', url: '/logout' }],
      },
    },
  });
  return new Hono().route(path, adapter.registerPlugin());
}

/**
 * Every queue: those of the shards, which have one name and a prefix each, and the webhooks', whose
 * failures name receivers.
 */
export function boardQueues(
  queues: ShardQueues,
  shardCount: number,
  webhooks: Queue,
): readonly BoardQueue[] {
  // Bull Board sorts by name.
  const width = String(shardCount - 1).length;
  const ofShards = Array.from({ length: shardCount }, (_, shard) => {
    const number = String(shard).padStart(width, '0');
    return {
      queue: queues.queue(shard),
      prefix: `shard-${number}.`,
      displayName: `shard ${number}`,
    };
  });
  return [...ofShards, { queue: webhooks, prefix: '', displayName: 'webhooks', forAdmins: true }];
}
