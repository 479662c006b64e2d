import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compilePolicy, evaluatePolicy } from '../../../src/emulator/policy/compiled.ts';
import { factsOf } from '../../../src/emulator/policy/context.ts';
import { MalformedPolicy, parsePolicy } from '../../../src/emulator/policy/document.ts';
import { compilePattern, matchPattern } from '../../../src/emulator/policy/pattern.ts';
import { TestAccount } from './account.ts';

const RUNS = { numRuns: 300 };

let account: TestAccount;
let faults: string[];
beforeAll(async () => {
  faults = [];
  account = await TestAccount.start({ users: 1 }, (message) => faults.push(message));
});
afterAll(() => account.stop());

/** Every answer is AWS's kind of error or a success, and none is a fault of the emulator's own. */
async function expectSane(answer: Response): Promise<void> {
  const text = await answer.text();
  expect(answer.status, text).toBeLessThan(500);
  expect(faults).toEqual([]);
}

const OPERATIONS = [
  'AWSCognitoIdentityProviderService.InitiateAuth',
  'AWSCognitoIdentityProviderService.RespondToAuthChallenge',
  'AWSCognitoIdentityProviderService.GetTokensFromRefreshToken',
  'AWSCognitoIdentityProviderService.AdminCreateUser',
  'AWSCognitoIdentityProviderService.GetUser',
  'AWSCognitoIdentityService.GetId',
  'AWSCognitoIdentityService.GetCredentialsForIdentity',
];
const MEMBERS = [
  'AuthFlow',
  'ClientId',
  'AuthParameters',
  'Session',
  'ChallengeName',
  'ChallengeResponses',
  'RefreshToken',
  'AccessToken',
  'UserPoolId',
  'Username',
  'UserAttributes',
  'IdentityPoolId',
  'IdentityId',
  'Logins',
  '__proto__',
];

describe('no input makes the emulator fail', () => {
  it('any bytes under any target', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.constantFrom(...OPERATIONS), fc.stringMatching(/^[\x21-\x7e]{0,60}$/)),
        fc.oneof(
          fc.uint8Array({ maxLength: 400 }),
          fc.json().map((text) => Buffer.from(text)),
        ),
        async (target, body) => {
          await expectSane(
            await fetch(account.ready.endpoints.cognitoIdp, {
              method: 'POST',
              headers: { 'x-amz-target': target },
              body: Buffer.from(body),
            }),
          );
        },
      ),
      RUNS,
    );
  });

  it('the right members with any values', async () => {
    const value = fc.oneof(
      fc.jsonValue({ maxDepth: 2 }),
      fc.constant(account.ready.clientId),
      fc.constant(account.ready.identityPoolId),
      fc.constant(account.ready.userPoolId),
      fc.constantFrom('USER_PASSWORD_AUTH', 'REFRESH_TOKEN_AUTH', 'SOFTWARE_TOKEN_MFA'),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...OPERATIONS),
        fc.dictionary(fc.constantFrom(...MEMBERS), value),
        async (target, input) => {
          await expectSane(
            await fetch(account.ready.endpoints.cognitoIdp, {
              method: 'POST',
              headers: { 'x-amz-target': target },
              body: JSON.stringify(input),
            }),
          );
        },
      ),
      RUNS,
    );
  });

  it('any login token, well-formed JWTs of any claims included', async () => {
    const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const jwt = fc
      .tuple(
        fc.oneof(fc.constant({ alg: 'RS256' }), fc.jsonValue()),
        fc.oneof(
          fc.jsonValue(),
          fc.record(
            {
              iss: fc.jsonValue(),
              aud: fc.jsonValue(),
              sub: fc.jsonValue(),
              exp: fc.jsonValue(),
              token_use: fc.constant('id'),
            },
            { requiredKeys: [] },
          ),
        ),
        fc.base64String(),
      )
      .map(([header, claims, signature]) => `${part(header)}.${part(claims)}.${signature}`);
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.string(), jwt), async (token) => {
        const answer = await account.post(
          'AWSCognitoIdentityService.GetId',
          JSON.stringify({
            IdentityPoolId: account.ready.identityPoolId,
            Logins: account.logins(token),
          }),
        );
        expect(answer).toMatchObject({ status: 400, body: { __type: 'NotAuthorizedException' } });
        expect(faults).toEqual([]);
      }),
      RUNS,
    );
  });

  it('any method, path, query and body of the control planes, signed by a foreign key', async () => {
    const segment = fc.oneof(
      fc.constantFrom('policies', 'target-policies', 'attached-policies', 'things', 'version'),
      fc.constantFrom('test-authorization', 'effective-policies', 'endpoint', '_emulator', '%'),
      fc.string({ maxLength: 12 }).map(encodeURIComponent),
    );
    const date = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
    const authorization = `AWS4-HMAC-SHA256 Credential=AKIDX/${date.slice(0, 8)}/us-east-1/iot/aws4_request, SignedHeaders=host, Signature=00`;
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('GET', 'PUT', 'POST', 'DELETE', 'PATCH'),
        fc.array(segment, { maxLength: 4 }),
        fc.dictionary(fc.constantFrom('pageSize', 'marker', 'clientId', 'limit'), fc.string()),
        fc.oneof(fc.json(), fc.string()),
        async (method, segments, query, body) => {
          const path = segments.join('/');
          await expectSane(
            await fetch(`${account.ready.endpoints.iot}/${path}?${new URLSearchParams(query)}`, {
              method,
              headers: { authorization, 'x-amz-date': date },
              ...(method === 'GET' ? {} : { body }),
            }),
          );
        },
      ),
      RUNS,
    );
  });

  it('any policy document: it is refused as malformed or can be evaluated', () => {
    const texts = fc.oneof(fc.string(), fc.array(fc.string(), { maxLength: 3 }), fc.jsonValue());
    const statement = fc.record(
      {
        Effect: fc.constantFrom('Allow', 'Deny'),
        Action: texts,
        NotAction: texts,
        Resource: texts,
        NotResource: texts,
        Condition: fc.dictionary(
          fc.constantFrom(
            'StringLike',
            'IpAddress',
            'ForAllValues:StringEquals',
            'Bool',
            '__proto__',
          ),
          fc.oneof(fc.dictionary(fc.string(), texts), fc.jsonValue()),
        ),
      },
      { requiredKeys: ['Effect'] },
    );
    const document = fc.record({
      Version: fc.constantFrom('2012-10-17', '2008-10-17'),
      Statement: fc.oneof(statement, fc.array(statement, { maxLength: 3 }), fc.jsonValue()),
    });
    fc.assert(
      fc.property(
        fc.oneof(
          document.map((value) => JSON.stringify(value)),
          fc.string(),
        ),
        (text) => {
          try {
            const policy = compilePolicy(parsePolicy(text));
            const facts = factsOf({ 'iot:ClientId': 'a' }, () => undefined);
            evaluatePolicy(policy, 'iot:Publish', 'arn:aws:iot:x:y:topic/z', facts);
          } catch (error) {
            expect(error).toBeInstanceOf(MalformedPolicy);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe('patterns', () => {
  it('match exactly what the same wildcards as a regular expression match', () => {
    const short = fc.stringMatching(/^[ab*?]{0,8}$/);
    fc.assert(
      fc.property(short, fc.stringMatching(/^[ab]{0,10}$/), (pattern, value) => {
        const expected = new RegExp(`^${pattern.replaceAll('*', '.*').replaceAll('?', '.')}$`);
        const compiled = compilePattern(pattern, { wildcards: true, variables: true });
        expect(matchPattern(compiled, value, () => undefined)).toBe(expected.test(value));
      }),
      { numRuns: 5000 },
    );
  });

  it('match in time that does not explode', () => {
    const compiled = compilePattern(`${'*a'.repeat(200)}b`, { wildcards: true, variables: true });
    const before = performance.now();
    expect(matchPattern(compiled, 'a'.repeat(2000), () => undefined)).toBe(false);
    expect(performance.now() - before).toBeLessThan(500);
  });
});
