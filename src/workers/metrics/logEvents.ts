import type { Logger } from '../../shared/observability/logger.ts';
import type { EventBus } from '../events.ts';

/** Writes what an operator would want to find in the log later; ids are welcome here. */
export function logEvents(events: EventBus, log: Logger): void {
  events.on('authorization:failed', (event) => log.warn(event, 'authorization failed'));
  events.on('identity:parked', (event) => log.warn(event, 'identity parked'));
  events.on('identity:released', (event) => log.info(event, 'identity released'));
  events.on('connection:lost', (event) => {
    const expected =
      event.kind === 'idle' || event.kind === 'released' || event.kind === 'recycled';
    log[expected ? 'debug' : 'info'](event, 'connection lost');
  });
  events.on('connection:refused', (event) => log.info(event, 'connect refused'));
  events.on('connection:state', (event) => log.debug(event, 'connection state'));
  events.on('lease:taken', (event) => log.debug(event, 'lease taken'));
  events.on('lease:released', (event) => log.debug(event, 'lease released'));
  events.on('lease:lost', (event) => log.warn(event, 'lease lost'));
  events.on('consumer:restarted', (event) => {
    log.warn(event, 'a consumer that took no job was made anew');
  });
  events.on('redis:renewed', () => log.warn('a silent connection to Redis was made anew'));
  events.on('webhook:disabled', (event) => log.warn(event, 'a webhook was disabled'));
  events.on('webhook:ended', (event) => {
    const given = event.outcome === 'given_up';
    log[given ? 'warn' : 'debug'](event, 'a delivery to a webhook ended');
  });
  events.on('webhook:crowded-out', (event) => {
    log.warn(event, 'newer deliveries took the places of some that had not ended');
  });
  events.on('sweep:found', (event) => log.info(event, 'the sweep gave lanes a job'));
}
