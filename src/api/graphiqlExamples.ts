export interface GraphiqlExample {
  /** With one named operation, whose name is that of the tab. */
  readonly query: string;
  readonly variables: Readonly<Record<string, unknown>>;
}

/** As an identity that is not there is answered with an error that says what to do. */
const SOME_IDENTITY = 'idn_…';

/** What people try first, each in a tab of its own, ready to be sent. */
export const GRAPHIQL_EXAMPLES: readonly GraphiqlExample[] = [
  {
    query: `# Shadow Courier. Every tab is an example:
# send it with the play button or Ctrl-Enter.
#
# It goes under the token that you signed in
# with; another one goes into "Headers" below:
# { "Authorization": "Bearer <token>" }

query Fleet {
  fleet {
    workers { name host shards draining lastHeartbeatAt }
    openUpdates { queued held inFlight }
    oldestWaitSeconds
    pauses { scope reason actor since }
    budgets { name perSecond usedPerSecond waiting }
  }
}
`,
    variables: {},
  },
  {
    query: `# The users of the emulator stand in what it prints when it is ready.
mutation RegisterIdentity($input: RegisterIdentityInput!) {
  registerIdentity(input: $input) {
    ... on RegisterIdentitySuccess { identity { id username status } }
    ... on Error { code message remedy }
  }
}
`,
    variables: { input: { username: 'alice', password: 'her password' } },
  },
  {
    query: `query Identities($filter: IdentityFilter) {
  identityCounts { status count }
  identities(first: 20, filter: $filter) {
    nodes {
      id
      username
      status
      connection { state worker connectedAt lastDisconnectKind }
      quarantine { gate message remedy probeAt }
    }
    pageInfo { hasNextPage endCursor }
  }
}
`,
    variables: { filter: null },
  },
  {
    query: `mutation UpdateShadow($input: UpdateShadowInput!) {
  updateShadow(input: $input) {
    ... on UpdateShadowSuccess {
      update { id state milestone version wait { reason detail until } failure { code message remedy } }
    }
    ... on Error { code message remedy }
  }
}
`,
    variables: {
      input: {
        identityId: SOME_IDENTITY,
        thing: 'device_1',
        desired: { power: 'OFF' },
        wait: '5s',
      },
    },
  },
  {
    query: `mutation UpdateShadows($input: UpdateShadowsInput!) {
  updateShadows(input: $input) {
    ... on UpdateShadowsSuccess {
      accepted
      refused
      batch { id state total ended states { state count } }
      rows { index update { id state } error { code message remedy } }
    }
    ... on Error { code message remedy }
  }
}
`,
    variables: {
      input: {
        label: 'all off',
        onError: 'SKIP_INVALID',
        updates: ['device_1', 'device_2'].map((thing) => ({
          identityId: SOME_IDENTITY,
          thing,
          desired: { power: 'OFF' },
        })),
      },
    },
  },
  {
    query: `query Search($filter: UpdateFilter) {
  updateFacets(filter: $filter) {
    total
    states { state count }
    failureCodes { code count }
  }
  updates(first: 20, filter: $filter) {
    nodes { id thing state createdAt failure { code remedy } }
    pageInfo { hasNextPage endCursor }
  }
}
`,
    variables: { filter: { states: ['FAILED', 'EXPIRED'] } },
  },
  {
    query: `query LiveShadow($identityId: ID!, $thing: ThingName!) {
  shadow(identityId: $identityId, thing: $thing) {
    ... on Shadow { version desired reported delta readAt }
    ... on Error { code message remedy }
  }
}
`,
    variables: { identityId: SOME_IDENTITY, thing: 'device_1' },
  },
  {
    query: `# Stays open and shows what happens, until it is stopped.
subscription UpdateEvents($after: String) {
  updateEvents(after: $after) {
    at
    type
    updateId
    thing
    state
    failureCode
    waitReason
    cursor
  }
}
`,
    variables: { after: null },
  },
];
