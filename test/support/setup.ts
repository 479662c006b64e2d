import { afterAll } from 'vitest';
import { killLeftovers } from './processes.ts';

// Registered before any hook of a test file, hence run after all of them.
afterAll(async () => {
  await killLeftovers();
});
