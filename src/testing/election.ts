import { type Clock, sleep } from '../clock.ts';
import type { Random } from '../random.ts';
import { inDomain } from './domains.ts';
import { readServiceName } from './names.ts';
import type { Query } from './query.ts';
import { asksAddresses } from './records.ts';
import { isReverse } from './reverse.ts';
import type { Settings } from './settings.ts';
import { TYPES } from './wire.ts';

/** Consul's rpc_hold_timeout, in ms: it asks for a leader no more once this is over, and not before. */
const HOLD = 7_000;
/** The first pause is up to this part of it. */
const FIRST_PAUSE = HOLD / 16;

/**
 * Waits for a leader as a query inside Consul does; resolves with whether there is one.
 *
 * It looks again after random pauses, on newer versions ever longer ones, and gives up only at the end of a pause: after 7.0
 * to 7.4 s on 1.8.7; on 1.22.7 after 7 s and more, half of them by 9.8 s, one in twenty not before 16 s. So does a query
 * overlook its leader for seconds, and one sent after it is answered first (F12.13).
 */
export async function holdForLeader(
  hasLeader: () => boolean,
  clock: Clock,
  random: Random,
  growingPauses: boolean,
): Promise<boolean> {
  const start = clock.now();
  for (let pause = 0, longest = FIRST_PAUSE; ; ) {
    if (hasLeader()) return true;
    if (clock.now() - start > HOLD) return false;
    pause = growingPauses ? pause + random.fraction() * (longest - pause) : random.fraction() * longest;
    if (growingPauses) longest *= 2;
    await sleep(clock, pause);
  }
}

/** How often, one after the other, Consul asks the servers of its own datacenter before it can answer. */
export function questionsToServers(settings: Settings, query: Query): number {
  // For nodes, then for services.
  if (isReverse(query.name)) return 2;
  const inside = inDomain(settings, query.name);
  if (inside === undefined) return 0;
  if (query.type === TYPES.SOA || query.type === TYPES.NS) return 1;
  if (query.type === TYPES.AXFR) return 0;
  const { dialect, datacenter } = settings;
  const asked = readServiceName(inside.relative, { dialect, srv: query.type === TYPES.SRV });
  const isOwn = (place: string | undefined) => place === undefined || place === datacenter.toLowerCase();
  switch (asked.kind) {
    case 'service':
    case 'connect':
    case 'ingress':
      return isOwn(asked.place.datacenter) ? 1 : 0;
    case 'node':
      return isOwn(asked.place.datacenter) && (asksAddresses(query.type) || dialect.v2dns) ? 1 : 0;
    case 'query':
      return isOwn(asked.datacenter) ? 1 : 0;
    case 'virtual':
      return 1;
    case 'addr':
    case 'nothing':
    case 'failing':
      return 0;
  }
}
