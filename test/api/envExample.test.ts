import { expect, test } from 'vitest';
import { parseEnv } from 'node:util';
import { readFileSync } from 'node:fs';
import { API_VARIABLES, loadApiConfig } from '../../src/shared/config/api.ts';
import { COMMON_VARIABLES } from '../../src/shared/config/common.ts';
import type { VariableTable } from '../../src/shared/config/env.ts';
import { loadWorkerConfig, WORKER_VARIABLES } from '../../src/shared/config/worker.ts';
import { CourierError } from '../../src/shared/errors/courierError.ts';

const INTRODUCTION = `# Every variable of Shadow Courier. What is commented out has the default that it shows, and speaks
# to AWS itself; what is not must be set. Copy this file to .env, fill it in, and start with
#   node --env-file=.env …   (or have your service manager set the variables)
`;

/** `.env.example` as the tables of variables make it. */
function render(): string {
  const common = new Set(Object.keys(COMMON_VARIABLES));
  const own = (table: VariableTable) =>
    Object.fromEntries(Object.entries(table).filter(([name]) => !common.has(name)));
  return [
    INTRODUCTION,
    section('Every process', COMMON_VARIABLES),
    section('The API', own(API_VARIABLES)),
    section('Workers', own(WORKER_VARIABLES)),
  ].join('\n');
}

function section(title: string, table: VariableTable): string {
  const entries = Object.entries(table).map(([name, { about, fallback, schema }]) => {
    const required = fallback === undefined && !schema.safeParse(undefined).success;
    return `${wrap(about)}\n${required ? '' : '# '}${name}=${fallback ?? ''}\n`;
  });
  return `# ---------- ${title} ----------\n\n${entries.join('\n')}`;
}

function wrap(about: string): string {
  const lines: string[] = [];
  // A command must stay in one piece to be copied.
  const [text = '', command] = about.split(/(?<=with:) /);
  for (const word of `${text.charAt(0).toUpperCase()}${text.slice(1)}`.split(' ')) {
    const last = lines.at(-1);
    if (last === undefined || last.length + word.length > 96) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  if (command !== undefined) lines.push(`  ${command}`);
  return lines.map((line) => `# ${line}`).join('\n');
}

test('.env.example has every variable with its explanation and its default', async () => {
  // npx vitest run test/api/envExample.test.ts -u writes it anew.
  await expect(render()).toMatchFileSnapshot('../../.env.example');
});

test('.env.example as it stands lacks only what must be set', () => {
  const env = parseEnv(readFileSync('.env.example', 'utf8'));
  const problems = [loadApiConfig, loadWorkerConfig].map((load) => {
    try {
      load(env);
      return [];
    } catch (error) {
      if (!(error instanceof CourierError)) throw error;
      return [...error.message.matchAll(/- (\w+ is not set|\w+ .*)/g)].map(
        ([, problem]) => problem,
      );
    }
  });
  const unset = Object.keys(env).map((name) => `${name} is not set`);
  expect(new Set(problems.flat())).toEqual(new Set(unset));
});
