#!/usr/bin/env node
// Sets up what a command needs, then runs it. Plain Node without dependencies: it works in a
// clone where nothing is installed. It speaks on stderr only; stdout belongs to the command.
import { nodeProblem } from './bootstrap/nodeVersion.mjs';

const problem = nodeProblem(process.version);
if (problem === undefined) {
  // Loaded only now: an old Node could not even parse it, and would say so in its own words.
  void import('./bootstrap/main.mjs').then(({ main }) => main(process.argv.slice(2)));
} else {
  process.stderr.write(`shadow-courier: ${problem}\n`);
  process.exitCode = 1;
}
