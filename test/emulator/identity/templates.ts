import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestAccount } from './account.ts';

/** The project's own template with `change` applied, which must change something. */
async function changedTemplate(change: (text: string) => string): Promise<string> {
  const text = await readFile(new URL('../../../infra/template.yaml', import.meta.url), 'utf8');
  const changed = change(text);
  if (changed === text) throw new Error('the template has nothing that the test wanted to change');
  return changed;
}

/** Runs with an account made from a changed template. */
export async function withTemplate(
  change: (text: string) => string,
  run: (account: TestAccount) => Promise<void>,
): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'courier-template-'));
  try {
    const template = join(directory, 'template.yaml');
    await writeFile(template, await changedTemplate(change));
    const account = await TestAccount.start({ template, users: 2 });
    try {
      await run(account);
    } finally {
      await account.stop();
    }
  } finally {
    await rm(directory, { recursive: true });
  }
}
