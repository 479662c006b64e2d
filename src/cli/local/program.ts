import { fileURLToPath } from 'node:url';

export type ProgramName = 'api' | 'worker' | 'emulator';

const FOLDERS: Readonly<Record<ProgramName, string>> = {
  api: 'api',
  worker: 'workers',
  emulator: 'emulator',
};

/** True while we run from the TypeScript sources, false from what `npm run build` made of them. */
const FROM_SOURCE = import.meta.url.endsWith('.ts');

/** Node's arguments that start one of the other programs, the way that this one was started. */
export function programArguments(name: ProgramName): readonly string[] {
  const extension = FROM_SOURCE ? 'ts' : 'js';
  const file = fileURLToPath(new URL(`../../${FOLDERS[name]}/main.${extension}`, import.meta.url));
  return FROM_SOURCE ? ['--import', 'tsx', file] : [file];
}
