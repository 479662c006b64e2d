import { expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { startProgram } from '../support/processes.ts';

test('without a terminal the demo shows all six points, ends with 0 and leaves nothing', async () => {
  const demo = await startProgram('src/cli/main.ts', ['demo']);
  const exit = await demo.exited;
  expect(demo.stderr).toBe('');
  expect(exit, demo.stdout).toEqual({ code: 0, signal: null });
  for (const part of [
    /^1 {2}Redis, an emulator/m,
    /iot:Connect on client\/\$\{cognito-identity\.amazonaws\.com:sub\}/,
    /ended +SUCCEEDED, ACCEPTED, version 1/,
    /GetThingShadow +desired \{"power":"OFF"\}, version 1/,
    /outcomes +2000 SUCCEEDED/,
    /updates\/s +\d+/,
    /submit to accepted +p50 \d+ ms, p99 \d+ ms/,
    /ended +FAILED, NOT_AUTHORIZED/,
    /stage, gate +SUBSCRIBE, TOPIC_FILTER_POLICY/,
    /device_1_1 +HELD, IDENTITY_QUARANTINED/,
    /identities quarantined +1/,
    /delivered +device_1_1 at version 5/,
    /GraphiQL +http:\/\//,
  ]) {
    expect(demo.stdout).toMatch(part);
  }
  // Neither passwords nor the token, nor the escape codes of a terminal.
  expect(demo.stdout).not.toMatch(/Bearer|to sign in with|-aZ9/);
  expect(demo.stdout).not.toContain('\u001b');
  await eventually(() => expect(demo.descendants()).toEqual([]), { deadlineMs: 15_000 });
});
