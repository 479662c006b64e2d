import type { DeviceFaultControl, DeviceFaults } from '../contract.ts';
import { AwsError } from '../http/awsError.ts';
import type { ControlRoute } from '../http/controlEndpoint.ts';
import { parseInput } from '../http/input.ts';
import type { FaultRegistry } from './registry.ts';
import { FaultRuleError, readFaultRule } from './rule.ts';

/** `/_emulator/device-faults`: what the device side gets wrong, replaced as a whole (PUT). */
export function deviceFaultRoutes(control: DeviceFaultControl): readonly ControlRoute[] {
  return [
    { method: 'GET', path: '/device-faults', answer: () => control.current() },
    {
      method: 'PUT',
      path: '/device-faults',
      answer: (exchange) => {
        setDeviceFaults(control, parseInput(exchange.body));
        return control.current();
      },
    },
  ];
}

/** Throws InvalidRequestException with the device side's sentence for a bad value. */
export function setDeviceFaults(control: DeviceFaultControl, faults: DeviceFaults): void {
  try {
    control.set(faults);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new AwsError('InvalidRequestException', error.message);
  }
}

/** `/_emulator/faults`: set one (POST), see what they did (GET), take one or all back (DELETE). */
export function faultRoutes(registry: FaultRegistry): readonly ControlRoute[] {
  return [
    { method: 'GET', path: '/faults', answer: () => ({ faults: registry.list() }) },
    {
      method: 'POST',
      path: '/faults',
      answer: (exchange) => {
        try {
          return registry.add(readFaultRule(parseInput(exchange.body)));
        } catch (error) {
          if (!(error instanceof FaultRuleError)) throw error;
          throw new AwsError('InvalidRequestException', error.message);
        }
      },
    },
    {
      method: 'DELETE',
      path: '/faults',
      answer: (exchange) => {
        const id = exchange.query.get('id');
        if (id === null) registry.clear();
        else if (!registry.remove(id)) {
          throw new AwsError('ResourceNotFoundException', `There is no fault ${id}`, 404);
        }
        return { faults: registry.list() };
      },
    },
  ];
}
