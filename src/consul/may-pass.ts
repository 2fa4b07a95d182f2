import { ConsulError, DiscoveryError } from '../errors.ts';

/** Consul may answer otherwise the next time: nobody heard, or it has trouble of its own. Not where it understood and refuses. */
export function mayPass(error: unknown): boolean {
  if (error instanceof ConsulError) return error.status < 400 || error.status >= 500 || error.status === 429;
  const { code } = Object(error) as { code?: unknown };
  return error instanceof DiscoveryError && (code === 'ERR_UNREACHABLE' || code === 'ERR_TIMEOUT');
}
