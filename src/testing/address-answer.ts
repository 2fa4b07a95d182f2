import { type Answer, empty, RCODES } from './answer.ts';
import type { Query } from './query.ts';
import { addressRecords } from './records.ts';
import { wholeSeconds } from './settings.ts';
import { TYPES } from './wire.ts';
import type { World } from './world.ts';
import { failed, missing } from './zone.ts';

/** Computed from the name, never looked up; the versions differ in what they do with other questions (F1.14). */
export function hexAnswer(world: World, query: Query, hex: string, owner: string): Answer {
  const { newNames } = world.settings.dialect;
  // Half a byte too many is noticed only where the rest has a length that could be an address.
  const length = hex.length >> 1;
  if (length !== 4 && length !== 16)
    return newNames || hex === '' ? missing(world, query.name) : empty(RCODES.NOERROR);
  if (!/^([0-9a-f]{2})+$/.test(hex)) return missing(world, query.name);
  const bytes = Buffer.from(hex, 'hex');
  const address = length === 4 ? bytes.join('.') : (hex.match(/.{4}/g) ?? []).join(':');
  return fixedAddress(world, query, owner, address);
}

/** The mesh address of a service: without one nothing at all, not even a SOA (F12.12). */
export function virtualAnswer(
  world: World,
  query: Query,
  owner: string,
  { service, peer }: { service: string; peer: string | undefined },
): Answer {
  const { catalogue, access, settings } = world;
  if (access.acl !== 'allow' || access.unreachable.has(settings.datacenter.toLowerCase()))
    return failed(world);
  const address = catalogue.virtualAddress(service, peer);
  return address === undefined ? empty(RCODES.NOERROR) : fixedAddress(world, query, owner, address);
}

/** One address for one name: for questions of another type it is only an addition, on 1.8.7 the answer. */
function fixedAddress({ settings }: World, query: Query, owner: string, address: string): Answer {
  const records = addressRecords(owner, address, wholeSeconds(settings.nodeTtl));
  const asked = query.type === TYPES.ANY || query.type === TYPES[records[0]?.type === 'AAAA' ? 'AAAA' : 'A'];
  return settings.dialect.newNames && !asked
    ? empty(RCODES.NOERROR, { additionals: records })
    : empty(RCODES.NOERROR, { answers: records });
}
