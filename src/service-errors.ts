import { DiscoveryError, NoEndpointsError } from './errors.ts';

/** `ready({ timeout })` waited in vain; `cause` is what was answered last. */
export function notReady(service: string, timeout: number, cause: unknown): DiscoveryError {
  const reason = cause instanceof Error ? ` The last answer: ${cause.message}` : '';
  const message = `${service}: no healthy instance in ${timeout} ms.${reason}`;
  return new DiscoveryError('ERR_READY_TIMEOUT', message, { cause });
}

/** There is nothing to pick; `answered` is false while the first answer is still awaited. */
export function nothingToPick(service: string, answered: boolean, cause: unknown): NoEndpointsError {
  const given = cause instanceof Error ? cause.message : 'the last answer was empty.';
  const why = answered
    ? given
    : 'the first answer is still awaited: await service.ready() before the first pick.';
  return new NoEndpointsError(`${service}: no endpoint to pick: ${why}`, { cause });
}
