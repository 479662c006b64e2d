import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The program's path, or undefined where PATH does not have it. */
function find(name: string): string | undefined {
  return (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/**
 * Why tests that need these programs are skipped; undefined where all are there. CI installs them,
 * a developer may: nothing but these tests needs them.
 */
export function whyNot(programs: Readonly<Record<string, string>>): string | undefined {
  const missing = Object.entries(programs).filter(([name]) => find(name) === undefined);
  if (missing.length === 0) return undefined;
  const names = missing.map(([name]) => name).join(' and ');
  const packages = [...new Set(missing.map(([, debian]) => debian))].join(' ');
  const sentence = `skipped, since ${names} ${missing.length > 1 ? 'are' : 'is'} not installed (Debian: apt-get install ${packages})`;
  process.stderr.write(`${sentence}\n`);
  return sentence;
}

export const PROMETHEUS = { prometheus: 'prometheus', promtool: 'prometheus' } as const;
export const COMPOSE = { 'docker-compose': 'docker-compose' } as const;
