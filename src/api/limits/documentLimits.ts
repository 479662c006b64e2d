import { maxAliasesPlugin } from '@escape.tech/graphql-armor-max-aliases';
import { maxDepthPlugin } from '@escape.tech/graphql-armor-max-depth';
import { maxDirectivesPlugin } from '@escape.tech/graphql-armor-max-directives';
import { maxTokensPlugin } from '@escape.tech/graphql-armor-max-tokens';
import { GraphQLError } from 'graphql';
import type { TopLevelCode } from '../topLevelCodes.ts';

const MAX_DEPTH = 12;
const MAX_ALIASES = 50;
const MAX_DIRECTIVES = 50;
/** Of a document; large inputs belong into variables, which do not count. */
const MAX_TOKENS = 2000;

const code: TopLevelCode = 'DOCUMENT_TOO_LARGE';

/** All four limits of a document's size, with one code, and before anything of it is done. */
export function documentLimits() {
  const onReject = [
    (_context: unknown, { message }: GraphQLError) => {
      // The libraries call it a syntax error, which it is not.
      throw new GraphQLError(message.replace(/^Syntax Error: /, ''), {
        extensions: {
          code,
          remedy: 'Send it as several operations, and large inputs as variables.',
        },
      });
    },
  ];
  return [
    maxTokensPlugin({ n: MAX_TOKENS, onReject }),
    maxDepthPlugin({ n: MAX_DEPTH, onReject }),
    maxAliasesPlugin({ n: MAX_ALIASES, onReject }),
    maxDirectivesPlugin({ n: MAX_DIRECTIVES, onReject }),
  ];
}
