import { parseArgs } from 'node:util';
import { STEPS } from './steps.mjs';

/**
 * @param {readonly string[]} argv
 * @returns {{ steps: readonly import('./steps.mjs').Step[], report: string | undefined }}
 */
export function parseCheckArguments(argv) {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      only: { type: 'string' },
      except: { type: 'string' },
      report: { type: 'string' },
    },
  });
  const names = STEPS.map((step) => step.name);
  /** @param {string | undefined} list */
  const parseNames = (list) => {
    const chosen = list?.split(',').filter((name) => name !== '') ?? [];
    const unknown = chosen.find((name) => !names.includes(name));
    if (unknown !== undefined) {
      throw new TypeError(`there is no step "${unknown}": the steps are ${names.join(', ')}.`);
    }
    return chosen;
  };
  const only = values.only === undefined ? names : parseNames(values.only);
  const except = parseNames(values.except);
  const steps = STEPS.filter(({ name }) => only.includes(name) && !except.includes(name));
  return { steps, report: values.report };
}
