/** Writes the conformance table of docs/emulator.md anew from the suite. */
import { readFileSync, writeFileSync } from 'node:fs';
import { DOCUMENT, withTable } from './table.ts';

writeFileSync(DOCUMENT, withTable(readFileSync(DOCUMENT, 'utf8')));
