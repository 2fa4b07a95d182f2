import { type DispatchOptions, type Handler, isNew } from './dispatch.ts';

/**
 * Whether a request may be sent over HTTP/2, where the pool has it.
 *
 * Not where who asks says so. Not for upgrades: servers of WebSockets seldom know RFC 8441, and where one does not, the request comes to
 * nothing. And not for the fetch of Node 22 and 24 over undici 8, whose headers it would misread (several `set-cookie` become one) and
 * whose own bridge to it does the same.
 *
 * @param old whether the undici that does the work knows handlers of the old manner.
 */
export function speaksH2({ allowH2, upgrade }: DispatchOptions, handler: Handler, old: boolean): boolean {
  return allowH2 !== false && !upgrade && (old || isNew(handler));
}
