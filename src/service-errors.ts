import { DiscoveryError, NoEndpointsError, OverloadedError } from './errors.ts';

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

/** There are endpoints and none of them may be chosen. */
export function overloaded(
  service: string,
  { length, full, ejected, excluded }: { length: number; full: number; ejected: number; excluded: number },
): DiscoveryError {
  const parts = [
    full > 0 && `${full} full (maxInFlight, or on probation with a request under way)`,
    ejected > 0 && `${ejected} ejected (outlier)`,
    excluded > 0 && `${excluded} excluded by the caller`,
  ].filter((part) => part !== false);
  const reasons = parts.length > 0 ? `: ${parts.join(', ')}` : '';
  const why = `none of ${length} endpoints may be chosen now${reasons}.`;
  return full > 0
    ? new OverloadedError(`${service}: ${why} Shed the request, try again later, or raise maxInFlight.`)
    : new NoEndpointsError(`${service}: ${why}`);
}
