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

test('a URL that cannot be read as it is meant is told before anything connects, and not repeated', () => {
  const wrong = {
    'redis://:op#en@a:1': '%23',
    'redis://:op/en@a:1': '%2F',
    'redis://:op?en@a:1': '%3F',
    'redis://:50%open@a:1': '%25',
    'redis://a:99999': 'no URL',
    'redis://open@a:1': 'redis://:password@host',
    'redis://a:1?password=open': 'before the host',
    'redis://a:1/?tls=true': 'rediss://',
    'redis://a:1/open': 'no number',
    'redis://a:1/0/1': 'no number',
  };
  for (const [url, sentence] of Object.entries(wrong)) {
    for (const target of [single(url), cluster(`redis://b:1,${url}`)]) {
      expect(targetProblem(target), url).toContain(sentence);
      expect(targetProblem(target), url).not.toMatch(/op.?en|99999/);
    }
  }
  for (const password of ['p%40ss', 'p@ss', 'p[ss', 'p,ss', 'p:ss']) {
    expect(targetProblem(single(`rediss://:${password}@a`))).toBeUndefined();
  }
});
