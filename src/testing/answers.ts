import { hexAnswer, virtualAnswer } from './address-answer.ts';
import { type Answer, empty, RCODES } from './answer.ts';
import { inDomain } from './domains.ts';
import { LEVELS, resolveHost } from './hosts.ts';
import type { Scene } from './instances.ts';
import { askNode, askQuery, askService } from './lookups.ts';
import { readServiceName } from './names.ts';
import type { Query } from './query.ts';
import { recurse } from './recursor.ts';
import { isReverse, reverseAnswer } from './reverse.ts';
import { wholeSeconds } from './settings.ts';
import { TYPES } from './wire.ts';
import type { World } from './world.ts';
import { failed, missing, zone } from './zone.ts';

/** What Consul says to a question; how much of it fits is the business of reply.ts. */
export function answer(world: World, asIs: Query, levels = LEVELS): Answer {
  const { settings } = world;
  const { dialect } = settings;
  const query = dialect.v2dns ? { ...asIs, name: asIs.name.toLowerCase() } : asIs;
  if (isReverse(query.name)) return reverseAnswer(world, query) ?? fromRecursor(world, query);
  const inside = inDomain(settings, query.name);
  if (inside === undefined) return fromRecursor(world, query);
  if (query.type === TYPES.AXFR && !dialect.v2dns) return empty(RCODES.NOTIMP);
  const domain = dialect.followsQuestion ? inside.spelt : settings.domain;
  if (query.type === TYPES.SOA || query.type === TYPES.NS) return zone(world, query.name, query.type, domain);

  let took = 0;
  const scene: Scene = {
    ...world,
    query,
    domain,
    datacenter: settings.datacenter,
    ttl: wholeSeconds(settings.nodeTtl),
    metaTxt: settings.metaTxt,
    resolve: (host) => {
      const found = resolveHost(world, query, host, levels, (inner, left) => answer(world, inner, left));
      took += found.took;
      return found.records;
    },
  };
  return { ...answerInside(world, scene, inside.relative), took };
}

function answerInside(world: World, scene: Scene, relative: string): Answer {
  const { query, domain, settings } = scene;
  const asked = readServiceName(relative, { dialect: settings.dialect, srv: query.type === TYPES.SRV });
  switch (asked.kind) {
    case 'service':
    case 'connect':
    case 'ingress':
      return askService(world, scene, asked);
    case 'query':
      return askQuery(world, scene, asked);
    case 'node':
      return askNode(world, scene, asked);
    case 'addr':
      return hexAnswer(world, query, asked.hex, `${relative.toLowerCase()}.${domain}`);
    case 'virtual':
      return virtualAnswer(world, query, `${relative.toLowerCase()}.${domain}`, asked);
    case 'nothing':
      return missing(world, query.name);
    case 'failing':
      return failed(world);
  }
}

/** Outside the domain: refused, or what the recursors say, where there are any (F5.12, F5.13). */
function fromRecursor({ settings }: World, query: Query): Answer {
  const { recursor } = settings;
  if (recursor === undefined) return empty(RCODES.REFUSED, { authoritative: false, recursed: true });
  const wanted = (type: 'A' | 'AAAA') => query.type === TYPES.ANY || query.type === TYPES[type];
  const { rcode, answers, took } = recurse(recursor, query.name, wanted);
  return empty(rcode, { authoritative: false, recursed: true, answers, took });
}
