import type { Outcome } from '../balancer/balancer.ts';

/**
 * The end of a connection whose beginning was reported: a socket to a database, a WebSocket. In flight until now, and nothing is learned: how
 * an instance did hours ago is no news, and a trial of an ejected one must not last as long. With a time, so that none is measured.
 */
export const nothingNew: Outcome = { ok: true, aborted: true, elapsed: 0 };
