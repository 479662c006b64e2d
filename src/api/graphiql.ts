import type { GraphiQLOptions } from 'graphql-yoga';

const WELCOME = `# Shadow Courier
#
# What you send from here goes under the token that you signed in with. A token of somebody else
# goes into the "Headers" pane below: { "Authorization": "Bearer <token>" }
#
# Then send an operation with the play button or Ctrl-Enter. The round arrow at the bottom left
# reloads the schema, with which Ctrl-Space completes names.

mutation Register {
  registerIdentity(input: { username: "alice", password: "her password" }) {
    ... on RegisterIdentitySuccess {
      identity {
        id
        status
      }
    }
    ... on Error {
      code
      message
      remedy
    }
  }
}

mutation TurnOff {
  updateShadow(
    input: {
      identityId: "idn_…"
      thing: "device_1"
      desired: { power: "OFF" }
      idempotencyKey: "one for each request"
    }
  ) {
    ... on UpdateShadowSuccess {
      update {
        id
        state
      }
    }
    ... on Error {
      code
      message
      remedy
    }
  }
}

query Follow {
  update(id: "upd_…") {
    state
    milestone
    version
    wait {
      reason
      until
    }
    failure {
      code
      message
      remedy
    }
  }
}
`;

export const GRAPHIQL_OPTIONS: GraphiQLOptions = {
  title: 'Shadow Courier',
  defaultQuery: WELCOME,
  // A token must not outlive the tab that it was typed into.
  shouldPersistHeaders: false,
  // The default one would be loaded from elsewhere.
  favicon: 'data:,',
};
