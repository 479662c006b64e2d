/** What an API of this kind cannot do without: Yoga, a mutation, one BullMQ job. Over IPC. */
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Queue } from 'bullmq';
import { createSchema, createYoga } from 'graphql-yoga';

const queue = new Queue('bare', {
  connection: { url: process.env.REDIS_URL ?? '' },
  defaultJobOptions: { removeOnComplete: true },
});

interface Input {
  readonly identityId: string;
  readonly thing: string;
  readonly desired: unknown;
}

const yoga = createYoga({
  logging: false,
  schema: createSchema({
    typeDefs: /* GraphQL */ `
      scalar JSONObject
      input UpdateShadowInput {
        identityId: ID!
        thing: String!
        desired: JSONObject!
      }
      type Update {
        id: ID!
      }
      type Success {
        update: Update!
      }
      type Query {
        ok: Boolean
      }
      type Mutation {
        updateShadow(input: UpdateShadowInput!): Success!
      }
    `,
    resolvers: {
      Mutation: {
        updateShadow: async (_root, { input }: { input: Input }) => {
          const id = randomUUID();
          await queue.add('deliver', { id, ...input }, { jobId: id });
          return { update: { id } };
        },
      },
    },
  }),
});

const server = createServer((request, response) => void yoga(request, response));
await queue.waitUntilReady();
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
const { port } = server.address() as AddressInfo;
process.stdout.write(`bare Yoga is served at http://127.0.0.1:${port}/graphql\n`);
// By itself, so that a CPU profile of it is written.
process.once('SIGTERM', () => process.exit(0));
