import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { Screen } from '../../src/cli/demo/screen.ts';

function page() {
  const out = new PassThrough();
  const screen = new Screen(out as unknown as NodeJS.WriteStream, {});
  return { screen, text: () => String(out.read() ?? '') };
}

test('without a terminal, progress is a line for every quarter, and no escape codes', () => {
  const { screen, text } = page();
  screen.step('Many');
  const progress = screen.progress('ended', 200);
  for (const done of [10, 49, 50, 60, 140, 200, 200]) progress.update(done);
  progress.stop();
  expect(text()).toBe('\n1  Many\n   50 of 200 ended\n   140 of 200 ended\n   200 of 200 ended\n');
});

test('what AWS says is broken into lines below its label', () => {
  const { screen, text } = page();
  screen.quote('message', 'word '.repeat(30));
  const lines = text().trimEnd().split('\n');
  expect(lines).toHaveLength(3);
  expect(lines[0]).toMatch(/^ {3}message {17}word/);
  expect(lines[1]).toMatch(/^ {27}word/);
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(100);
});
