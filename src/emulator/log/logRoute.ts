import { AwsError } from '../http/awsError.ts';
import type { ControlRoute } from '../http/controlEndpoint.ts';
import type { IotLogSink } from './iotLogSink.ts';

/** `GET /_emulator/log?limit=100&clientId=…&eventType=…`: any field of an entry filters. */
export function logRoute(sink: IotLogSink): ControlRoute {
  return {
    method: 'GET',
    path: '/log',
    answer: (exchange) => {
      const { limit = '1000', ...where } = Object.fromEntries(exchange.query);
      const count = Number(limit);
      if (!Number.isInteger(count) || count < 1) {
        throw new AwsError('InvalidRequestException', 'limit must be a whole number above 0');
      }
      return { entries: sink.read({ limit: count, where }) };
    },
  };
}
