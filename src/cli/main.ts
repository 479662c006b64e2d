#!/usr/bin/env node
import { Command, InvalidArgumentError } from 'commander';
import { demo } from './commands/demo.ts';
import { dev } from './commands/dev.ts';
import { reencrypt } from './commands/vault.ts';
import { runProgram } from './commands/program.ts';
import { describeFailure } from './failure.ts';

function wholeNumber(min: number, max: number) {
  return (value: string): number => {
    const number = Number(value);
    if (/^\d+$/.test(value) && number >= min && number <= max) return number;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };
}

const program = new Command('courier')
  .description('Publishes AWS IoT device-shadow updates as the Cognito user who owns them.')
  .showHelpAfterError('(courier --help lists what there is)');

program
  .command('demo')
  .description('show the whole thing at work on this machine, without an AWS account')
  .action(async () => {
    process.exitCode = await demo({ env: process.env });
  });

program
  .command('dev')
  .description('run Redis, an emulator of AWS, the API and workers on this machine')
  .option('--json', 'print one JSON line when ready, for scripts', false)
  .option('--workers <n>', 'how many workers', wholeNumber(1, 64), 2)
  .option('--users <n>', 'users that the emulator starts with', wholeNumber(1, 100_000), 60)
  .option('--keep-going', 'go on when a worker dies and another one is left', false)
  .action(
    async (options: { json: boolean; workers: number; users: number; keepGoing: boolean }) => {
      process.exitCode = await dev({ ...options, env: process.env });
    },
  );

const servers = {
  api: 'run the GraphQL API; its settings are environment variables, see .env.example',
  worker: 'run a worker; its settings are environment variables, see .env.example',
} as const;

for (const name of ['api', 'worker'] as const) {
  program
    .command(name)
    .description(servers[name])
    .action(async () => {
      process.exitCode = await runProgram(name, []);
    });
}

program
  .command('emulator')
  .description('run the emulator of AWS; --help lists its options')
  .helpOption(false)
  .allowUnknownOption()
  .argument('[arguments...]')
  .action(async (args: string[]) => {
    process.exitCode = await runProgram('emulator', args);
  });

program
  .command('vault')
  .description('look after the encrypted secrets')
  .command('reencrypt')
  .description(
    'seal every secret with the first key of VAULT_KEYS, so that the others can be retired; may be interrupted and run again',
  )
  .action(() => reencrypt(process.env, (line) => process.stdout.write(`${line}\n`)));

try {
  await program.parseAsync();
} catch (error) {
  const failure = describeFailure(error, process.env);
  process.stderr.write(`${failure.text}\n`);
  process.exitCode = failure.exitCode;
}
