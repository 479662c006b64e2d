import type { GraphiQLOptions } from 'graphql-yoga';
import { GRAPHIQL_EXAMPLES } from './graphiqlExamples.ts';

export const GRAPHIQL_OPTIONS: GraphiQLOptions = {
  title: 'Shadow Courier',
  // Subscriptions too: the API takes no operations by GET.
  method: 'POST',
  defaultTabs: GRAPHIQL_EXAMPLES.map(({ query, variables }) => ({
    query,
    variables: JSON.stringify(variables, undefined, 2),
  })),
  // A token must not outlive the tab that it was typed into.
  shouldPersistHeaders: false,
  // The default one would be loaded from elsewhere.
  favicon: 'data:,',
};
