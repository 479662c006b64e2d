import { expect, test } from 'vitest';
import { secretHash } from '../../src/workers/credentials/secretHash.ts';

test('the secret hash is base64 of HMAC-SHA256 over username and client id, keyed by the secret', () => {
  // From: printf 'janedoe1example23456789' | openssl dgst -sha256 -hmac 9example87654321 -binary | base64
  expect(secretHash('9example87654321', 'janedoe', '1example23456789')).toBe(
    'Lq/6ZtBvgUcE8LB0P3n0R8jz/7S73x81ZwvPZLKSuBE=',
  );
});

test('it hashes names beyond ASCII as UTF-8', () => {
  expect(secretHash('key', 'J\u00fcrgen', 'client')).toBe(
    '9c+Twqoqq1UAcsDnn7QTlFOgB+ogieWXLeiSc8kUtkk=',
  );
});
