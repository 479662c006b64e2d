import { expect, test } from 'vitest';
import { redactedUrl, seedOf, targetProblem, urlsOf } from '../../src/shared/redis/target.ts';

const cluster = (REDIS_URL: string) => ({ REDIS_URL, REDIS_CLUSTER: 'on' }) as const;
const single = (REDIS_URL: string) => ({ REDIS_URL, REDIS_CLUSTER: 'off' }) as const;

test('a list is divided where another URL begins, and not at a comma of a password', () => {
  expect(urlsOf('redis://a:1,redis://b:2')).toEqual(['redis://a:1', 'redis://b:2']);
  expect(urlsOf('rediss://u:one,two@a,rediss://u:one,two@b')).toEqual([
    'rediss://u:one,two@a',
    'rediss://u:one,two@b',
  ]);
});

test('a node is named by host and port, the usual one where none is given', () => {
  expect(seedOf('redis://a.example')).toEqual({ host: 'a.example', port: 6379 });
  expect(seedOf('rediss://user:secret@[::1]:7000')).toEqual({ host: '::1', port: 7000 });
});

test('no password of a list is shown', () => {
  expect(redactedUrl('redis://u:one@a:1,redis://u:two@b:2')).toBe(
    'redis://u:***@a:1,redis://u:***@b:2',
  );
});

test('what does not fit together is told', () => {
  expect(targetProblem(single('redis://u:p@a:1/3'))).toBeUndefined();
  expect(targetProblem(cluster('redis://u:p@a:1,redis://u:p@b:2/0'))).toBeUndefined();
  expect(targetProblem(single('redis://a:1,redis://b:2'))).toContain('REDIS_CLUSTER=on');
  expect(targetProblem(cluster('redis://a:1/3'))).toContain('number 0 only');
  expect(targetProblem(cluster('redis://u:p@a:1,redis://u:q@b:2'))).toContain('password');
  expect(targetProblem(cluster('redis://a:1,rediss://b:2'))).toContain('scheme');
  expect(targetProblem(cluster('redis://a:99999'))).toContain('no URL');
});
