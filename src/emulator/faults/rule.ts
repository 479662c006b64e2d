import { isRecord } from '../http/input.ts';

/** What a fault does to an HTTP operation. */
export const EFFECTS = ['delay', 'throttle', 'error', 'refuse', 'swallow', 'drop'] as const;
export type Effect = (typeof EFFECTS)[number];

/**
 * One fault of the HTTP services: where it strikes, whom, how often, and what it does.
 * `throttle` and `error` answer as the service words it, `refuse` as the rule says; `swallow`
 * never answers, `drop` closes the connection.
 */
export interface FaultRule {
  /** An operation (`GetId`), or `*` for every one. */
  readonly on: string;
  readonly effect: Effect;
  /** 0 to 1: the share of matching events that it strikes, drawn by the seed. Default 1. */
  readonly share: number;
  /** Strikes at most so often. Default without limit. */
  readonly count?: number;
  /** Lets so many matching events pass first. Default 0. */
  readonly skip: number;
  /** Wall milliseconds; required with `delay`. */
  readonly delayMs: number;
  /** With `refuse`: HTTP status, exception and sentence. */
  readonly status: number;
  readonly errorName: string;
  readonly message: string;
  /** Only requests whose path or body holds this text, such as a user's name. */
  readonly containing?: string;
}

export class FaultRuleError extends Error {
  override readonly name = 'FaultRuleError';
}

const KNOWN = new Set([
  'on',
  'effect',
  'share',
  'count',
  'skip',
  'delayMs',
  'status',
  'errorName',
  'message',
  'containing',
]);

/** Reads a flag's text, `on=GetId,effect=throttle,share=0.2`. Throws FaultRuleError. */
export function parseFaultFlag(text: string): FaultRule {
  const entries = text.split(',').map((part) => {
    const equals = part.indexOf('=');
    if (equals < 1) throw new FaultRuleError(`"${part}" in the fault "${text}" is not name=value`);
    return [part.slice(0, equals).trim(), part.slice(equals + 1)] as const;
  });
  return readFaultRule(Object.fromEntries(entries));
}

/** Reads a rule from JSON data or from a flag's texts. Throws FaultRuleError. */
export function readFaultRule(value: unknown): FaultRule {
  if (!isRecord(value)) throw new FaultRuleError('A fault must be a JSON object');
  const unknown = Object.keys(value).find((name) => !KNOWN.has(name));
  if (unknown !== undefined) {
    throw new FaultRuleError(`A fault has no "${unknown}"; it has ${[...KNOWN].join(', ')}`);
  }
  const on = text(value, 'on');
  const effect = EFFECTS.find((one) => one === value['effect']);
  if (on === undefined) throw new FaultRuleError('A fault needs "on": an operation, or *');
  if (effect === undefined) {
    throw new FaultRuleError(`A fault needs an "effect", one of ${EFFECTS.join(', ')}`);
  }
  const delayMs = number(value, 'delayMs', 0, 3_600_000, 0);
  if (effect === 'delay' && delayMs === 0) throw new FaultRuleError('A delay needs "delayMs"');
  const count =
    value['count'] === undefined ? undefined : number(value, 'count', 1, 1_000_000_000, 1);
  const containing = text(value, 'containing');
  return {
    on,
    effect,
    share: number(value, 'share', 0, 1, 1),
    ...(count === undefined ? {} : { count }),
    skip: number(value, 'skip', 0, 1_000_000_000, 0),
    delayMs,
    status: number(value, 'status', 400, 599, 503),
    errorName: text(value, 'errorName') ?? 'ServiceUnavailableException',
    message: text(value, 'message') ?? 'The service is temporarily unavailable.',
    ...(containing === undefined ? {} : { containing }),
  };
}

function text(value: Readonly<Record<string, unknown>>, name: string): string | undefined {
  const found = value[name];
  if (found === undefined || typeof found === 'string') return found;
  throw new FaultRuleError(`"${name}" of a fault must be a string`);
}

function number(
  value: Readonly<Record<string, unknown>>,
  name: string,
  min: number,
  max: number,
  fallback: number,
): number {
  const found = value[name];
  if (found === undefined) return fallback;
  const parsed = typeof found === 'string' && found.trim() !== '' ? Number(found) : found;
  if (typeof parsed === 'number' && parsed >= min && parsed <= max) return parsed;
  throw new FaultRuleError(`"${name}" of a fault must be a number from ${min} to ${max}`);
}
