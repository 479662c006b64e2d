import type { Ledger } from '../contract.ts';
import type { ControlRoute } from '../http/controlEndpoint.ts';
import { AwsError } from '../http/awsError.ts';

/** `GET /_emulator/ledger?after=0&limit=10000`: accepted shadow updates in their order. */
export function ledgerRoute(ledger: Ledger): ControlRoute {
  return {
    method: 'GET',
    path: '/ledger',
    answer: (exchange) => {
      const after = count(exchange.query.get('after') ?? '0', 'after');
      const limit = count(exchange.query.get('limit') ?? '10000', 'limit');
      return { last: ledger.last, dropped: ledger.dropped, entries: ledger.since(after, limit) };
    },
  };
}

function count(text: string, name: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 0) return value;
  throw new AwsError('InvalidRequestException', `${name} must be a whole number from 0`);
}
