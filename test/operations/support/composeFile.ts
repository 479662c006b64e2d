import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';
import { childEnvironment } from '../../support/environment.ts';

const service = z.looseObject({
  image: z.string(),
  command: z.array(z.string()).optional(),
  environment: z.record(z.string(), z.union([z.string(), z.boolean(), z.null()])).default({}),
  restart: z.string().optional(),
  profiles: z.array(z.string()).default([]),
  ports: z.array(z.string()).default([]),
  volumes: z.array(z.string()).default([]),
  healthcheck: z.looseObject({ test: z.array(z.string()) }).optional(),
  deploy: z
    .object({
      resources: z.object({
        limits: z.object({ cpus: z.union([z.string(), z.number()]), memory: z.string() }),
      }),
    })
    .optional(),
});
export type ComposeService = z.infer<typeof service>;
const composeFile = z.looseObject({ services: z.record(z.string(), service) });

/** docker-compose.yml as it is written, anchors and merges resolved, variables not. */
export function composeDocument(): unknown {
  return parse(readFileSync('docker-compose.yml', 'utf8'), { merge: true });
}

export function writtenServices(): Readonly<Record<string, ComposeService>> {
  return composeFile.parse(composeDocument()).services;
}

/**
 * What Docker Compose makes of it with an env file.
 * @throws Error with what Compose says.
 */
export function composeConfig(
  envFile: string,
  options: { readonly profile?: string; readonly env?: Record<string, string> } = {},
): Readonly<Record<string, ComposeService>> {
  const profile = options.profile === undefined ? [] : ['--profile', options.profile];
  const said = execFileSync('docker-compose', ['--env-file', envFile, ...profile, 'config'], {
    encoding: 'utf8',
    env: childEnvironment(options.env),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return composeFile.parse(parse(said)).services;
}
