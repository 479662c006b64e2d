import { describe, expect, it } from 'vitest';
import type { RequestContext } from '../../../src/emulator/contract.ts';
import { compilePolicy, evaluatePolicy } from '../../../src/emulator/policy/compiled.ts';
import { factsOf } from '../../../src/emulator/policy/context.ts';
import { parsePolicy } from '../../../src/emulator/policy/document.ts';

const TOPIC = 'arn:aws:iot:us-east-1:123456789012:topic/';

interface Statement {
  readonly Effect?: 'Allow' | 'Deny';
  readonly [element: string]: unknown;
}

function answer(
  statements: readonly Statement[],
  action: string,
  resource: string,
  context: RequestContext = {},
  version = '2012-10-17',
) {
  const text = JSON.stringify({
    Version: version,
    Statement: statements.map((statement) => ({
      Effect: 'Allow',
      ...('Action' in statement || 'NotAction' in statement ? {} : { Action: 'iot:*' }),
      ...('Resource' in statement || 'NotResource' in statement ? {} : { Resource: '*' }),
      ...statement,
    })),
  });
  const facts = factsOf(context, () => undefined);
  return evaluatePolicy(compilePolicy(parsePolicy(text)), action, resource, facts);
}

/** Whether one Allow with this Condition matches a request with this context. */
function holds(condition: object, context: RequestContext): boolean {
  return answer([{ Condition: condition }], 'iot:Connect', '*', context) === 'ALLOWED';
}

describe('effects', () => {
  it('aws-facts §5: what no statement allows is denied', () => {
    expect(answer([{ Action: 'iot:Publish' }], 'iot:Subscribe', TOPIC)).toBe('IMPLICIT_DENY');
  });

  it('aws-facts §5: an explicit deny wins, whatever the order', () => {
    const deny = { Effect: 'Deny', Resource: `${TOPIC}secret` } as const;
    for (const statements of [
      [{}, deny],
      [deny, {}],
    ]) {
      expect(answer(statements, 'iot:Publish', `${TOPIC}secret`)).toBe('EXPLICIT_DENY');
      expect(answer(statements, 'iot:Publish', `${TOPIC}open`)).toBe('ALLOWED');
    }
  });

  it('aws-facts §5: NotAction and NotResource match all but what they list', () => {
    const notAction = [{ NotAction: ['iot:Publish', 'iot:Re*'] }];
    expect(answer(notAction, 'iot:Publish', '*')).toBe('IMPLICIT_DENY');
    expect(answer(notAction, 'iot:Receive', '*')).toBe('IMPLICIT_DENY');
    expect(answer(notAction, 'iot:Connect', '*')).toBe('ALLOWED');
    const notResource = [{ NotResource: `${TOPIC}a*` }];
    expect(answer(notResource, 'iot:Publish', `${TOPIC}abc`)).toBe('IMPLICIT_DENY');
    expect(answer(notResource, 'iot:Publish', `${TOPIC}b`)).toBe('ALLOWED');
  });

  it('actions match without regard to case', () => {
    expect(answer([{ Action: 'IOT:publish' }], 'iot:Publish', '*')).toBe('ALLOWED');
  });
});

describe('resources', () => {
  const allows = (pattern: string, resource: string, context: RequestContext = {}) =>
    answer([{ Resource: pattern }], 'iot:Publish', resource, context) === 'ALLOWED';

  it.each([
    ['a*c', 'abc', true],
    ['a*c', 'abcd', false],
    ['a*b*c', 'aXbYbZc', true],
    ['a?c', 'abc', true],
    ['a?c', 'ac', false],
    ['*a?', 'aaab', true],
    ['*', '', true],
    ['?', '', false],
    ['a**', 'a', true],
    ['+/#', 'x/y', false],
    ['+/#', '+/#', true],
    ['A', 'a', false],
  ])(
    'aws-facts §5: resources match by * and ?, while + and # are literal (%s against %s is %s)',
    (pattern, resource, expected) => {
      expect(allows(pattern, resource)).toBe(expected);
    },
  );

  it('aws-facts §5: variables of Cognito and of IoT are filled in, keys without regard to case', () => {
    const context = {
      'cognito-identity.amazonaws.com:sub': 'us-east-1:abc',
      'iot:ClientId': 'client-1',
    };
    expect(
      allows('client/${cognito-identity.amazonaws.com:sub}', 'client/us-east-1:abc', context),
    ).toBe(true);
    expect(allows('client/${IOT:clientid}', 'client/client-1', context)).toBe(true);
    expect(allows('client/${iot:ClientId}', 'client/other', context)).toBe(false);
  });

  it('aws-facts §5: a variable without a value makes the statement not match', () => {
    expect(allows('client/${iot:ClientId}', 'client/')).toBe(false);
    const deny = { Effect: 'Deny', NotResource: 'client/${iot:ClientId}' } as const;
    expect(answer([{}, deny], 'iot:Connect', 'client/x')).toBe('ALLOWED');
  });

  it("a variable's value is literal, wildcards in it included", () => {
    const context = { 'iot:ClientId': 'a*' };
    expect(allows('client/${iot:ClientId}', 'client/a*', context)).toBe(true);
    expect(allows('client/${iot:ClientId}', 'client/abc', context)).toBe(false);
  });

  it('the escapes stand for the characters themselves', () => {
    expect(allows('a${*}b${?}c${$}', 'a*b?c$')).toBe(true);
    expect(allows('a${*}b', 'axb')).toBe(false);
  });

  it("a variable's default counts where there is no value", () => {
    expect(allows("x/${iot:ClientId, 'none'}", 'x/none')).toBe(true);
    expect(allows("x/${iot:ClientId, 'none'}", 'x/a', { 'iot:ClientId': 'a' })).toBe(true);
  });

  it('documents of 2008 know no variables', () => {
    const resource = 'client/${iot:ClientId}';
    const context = { 'iot:ClientId': 'a' };
    expect(answer([{ Resource: resource }], 'iot:Connect', 'client/a', context, '2008-10-17')).toBe(
      'IMPLICIT_DENY',
    );
    expect(answer([{ Resource: resource }], 'iot:Connect', resource, context, '2008-10-17')).toBe(
      'ALLOWED',
    );
  });
});

describe('conditions', () => {
  const key = 'aws:Something';

  it.each([
    ['StringEquals', 'a', 'a', true],
    ['StringEquals', 'a', 'A', false],
    ['StringEquals', 'a*', 'ab', false],
    ['StringNotEquals', 'a', 'b', true],
    ['StringEqualsIgnoreCase', 'a', 'A', true],
    ['StringNotEqualsIgnoreCase', 'a', 'A', false],
    ['StringLike', 'a*', 'abc', true],
    ['StringNotLike', 'a*', 'abc', false],
    ['ArnLike', 'arn:aws:iot:*:thing/a?', 'arn:aws:iot:x:thing/ab', true],
    ['ArnNotEquals', 'arn:aws:iot:*', 'arn:aws:s3:x', true],
    ['NumericEquals', '10', '10.0', true],
    ['NumericLessThan', '10', '9', true],
    ['NumericLessThanEquals', '10', '11', false],
    ['NumericGreaterThan', '10', 'text', false],
    ['NumericGreaterThanEquals', '10', '10', true],
    ['DateLessThan', '2030-01-01T00:00:00Z', '2026-01-01T00:00:00Z', true],
    ['DateGreaterThan', '1700000000', '2026-01-01T00:00:00Z', true],
    ['Bool', 'true', 'True', true],
    ['Bool', 'true', 'false', false],
    ['IpAddress', '10.0.0.0/8', '10.1.2.3', true],
    ['IpAddress', '10.0.0.0/8', '11.1.2.3', false],
    ['IpAddress', '2001:db8::/32', '2001:db8::1', true],
    ['NotIpAddress', '10.0.0.0/8', '11.1.2.3', true],
    ['IpAddress', 'nonsense', '10.1.2.3', false],
  ])('%s %s against %s is %s', (operator, expected, actual, result) => {
    expect(holds({ [operator]: { [key]: expected } }, { [key]: actual })).toBe(result);
  });

  it('an absent key fails a positive operator, passes a negated one and IfExists', () => {
    expect(holds({ StringEquals: { [key]: 'a' } }, {})).toBe(false);
    expect(holds({ StringNotEquals: { [key]: 'a' } }, {})).toBe(true);
    expect(holds({ StringEqualsIfExists: { [key]: 'a' } }, {})).toBe(true);
    expect(holds({ StringEqualsIfExists: { [key]: 'a' } }, { [key]: 'b' })).toBe(false);
    expect(holds({ Null: { [key]: 'true' } }, {})).toBe(true);
    expect(holds({ Null: { [key]: 'false' } }, {})).toBe(false);
  });

  it('several keys and operators must all hold, several values any', () => {
    const condition = { StringEquals: { a: ['1', '2'], b: '3' }, Bool: { c: 'true' } };
    expect(holds(condition, { a: '2', b: '3', c: 'true' })).toBe(true);
    expect(holds(condition, { a: '2', b: '4', c: 'true' })).toBe(false);
  });

  it('ForAnyValue wants one of the values, ForAllValues all, and an absent key differs', () => {
    const any = { 'ForAnyValue:StringLike': { [key]: 'a*' } };
    expect(holds(any, { [key]: ['b', 'ab'] })).toBe(true);
    expect(holds(any, { [key]: ['b'] })).toBe(false);
    expect(holds(any, {})).toBe(false);
    const all = { 'ForAllValues:StringEquals': { [key]: ['a', 'b'] } };
    expect(holds(all, { [key]: ['a', 'b'] })).toBe(true);
    expect(holds(all, { [key]: ['a', 'c'] })).toBe(false);
    expect(holds(all, {})).toBe(true);
  });

  it('aws-facts §5: iot:ConnectAttributes counts where the policy has a condition on it', () => {
    const conditioned = {
      'ForAllValues:StringEquals': { 'iot:ConnectAttributes': ['PersistentConnect'] },
    };
    const persistent = { 'iot:ConnectAttributes': ['PersistentConnect'] };
    const will = { 'iot:ConnectAttributes': ['PersistentConnect', 'LastWill'] };
    expect(holds(conditioned, {})).toBe(true);
    expect(holds(conditioned, persistent)).toBe(true);
    expect(holds(conditioned, will)).toBe(false);
    expect(answer([{}], 'iot:Connect', '*', will)).toBe('ALLOWED');
  });

  it('a policy variable in a condition is filled in, and without a value nothing matches', () => {
    const condition = { StringEquals: { a: '${iot:ClientId}' } };
    expect(holds(condition, { a: 'x', 'iot:ClientId': 'x' })).toBe(true);
    expect(holds(condition, { a: 'x' })).toBe(false);
    expect(holds({ StringNotEquals: { a: '${iot:ClientId}' } }, { a: 'x' })).toBe(false);
  });
});
