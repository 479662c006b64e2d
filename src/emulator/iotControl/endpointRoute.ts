import type { RestRoute } from '../http/restProtocol.ts';
import { iotError } from './errors.ts';

const DATA_TYPES = ['iot:Data', 'iot:Data-ATS', 'iot:Data-Beta'];

/** DescribeEndpoint: where the device side listens, `host:port`. */
export function endpointRoute(dataEndpoint: () => string): RestRoute {
  return {
    operation: 'DescribeEndpoint',
    method: 'GET',
    path: '/endpoint',
    answer: (exchange) => {
      const type = exchange.query.get('endpointType') ?? 'iot:Data';
      if (!DATA_TYPES.includes(type)) {
        throw iotError.invalidRequest(`Endpoint type ${type} is not served here`);
      }
      return { endpointAddress: dataEndpoint() };
    },
  };
}
