import SchemaBuilder from '@pothos/core';
import ErrorsPlugin from '@pothos/plugin-errors';
import RelayPlugin from '@pothos/plugin-relay';
import ScopeAuthPlugin from '@pothos/plugin-scope-auth';
import type { JsonObject } from '../../shared/domain/desired.ts';
import { reaches } from '../../shared/domain/roles.ts';
import type { ApiContext } from '../context.ts';
import AuditPlugin from './auditPlugin.ts';
import { type AuthScopes, forbidden } from './authorization.ts';
import ForbiddenAuditPlugin from './forbiddenAuditPlugin.ts';
import { RELAY_OPTIONS } from './relayOptions.ts';

/**
 * Times are epoch milliseconds everywhere inside; the DateTime scalar turns them into text.
 *
 * Every field of Query, Mutation and Subscription names who may use it, in so many words:
 * `authScopes: { role: 'operator' }`. `viewer` for what reads; `operator` for what acts on
 * updates, a batch, identities or connections that it names; `approver` for what acts on what a
 * filter finds, on groups or on the fleet; `admin` for access and settings. A type that not every viewer may see has a rule of its own, in its options. Whoever
 * falls short gets the top-level error FORBIDDEN. Then
 * `npx vitest run --project test test/api/roles.test.ts -u` writes docs/roles.md anew; a field
 * without a rule fails that test.
 */
export const builder = new SchemaBuilder<{
  Context: ApiContext;
  AuthScopes: AuthScopes;
  DefaultFieldNullability: false;
  DefaultEdgesNullability: false;
  DefaultNodeNullability: false;
  Scalars: {
    ID: { Input: string; Output: string };
    DateTime: { Input: number; Output: number };
    /** Milliseconds. */
    Duration: { Input: number; Output: number };
    /** Not checked by the scalar: what is wrong with a document is answered per update. */
    JSONObject: { Input: unknown; Output: JsonObject };
    ThingName: { Input: string; Output: string };
    ShadowName: { Input: string; Output: string };
    Secret: { Input: string; Output: never };
  };
}>({
  // Scope-auth stands outside of errors: a missing role is a top-level error, not an answer. The
  // audit stands inside of both: it sees what is tried, and its own failure is an answer. What is
  // forbidden never gets there; the first of them writes that down.
  plugins: [ForbiddenAuditPlugin, ScopeAuthPlugin, ErrorsPlugin, AuditPlugin, RelayPlugin],
  defaultFieldNullability: false,
  scopeAuth: {
    authScopes: ({ caller }) => ({ role: (needed) => reaches(caller.role, needed) }),
    unauthorizedError: (_parent, _context, info) => forbidden(info),
    authorizeOnSubscribe: true,
  },
  errors: { directResult: true },
  relay: RELAY_OPTIONS,
});

builder.subscriptionType({
  description:
    'What can be followed as it happens, as server-sent events. Every event has a cursor, from which a client that lost its connection goes on without a gap.',
});
builder.queryType({ description: 'What can be looked up.' });
builder.mutationType({
  description:
    'What can be done. What is wrong with a request is an answer with a code, a message and a remedy, not a top-level error.',
});
