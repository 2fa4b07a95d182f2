import { type Answer, empty, RCODES } from './answer.ts';
import type { Query } from './query.ts';
import { nodeName } from './records.ts';
import { reach, type World } from './world.ts';
import { failed, missing } from './zone.ts';

export function isReverse(name: string): boolean {
  return /(^|\.)arpa$/i.test(name);
}

/** The name of the node at an address of the own datacenter, else of a service there; undefined is left to recursors. */
export function reverseAnswer(world: World, query: Query): Answer | undefined {
  const { settings, catalogue, access } = world;
  const { dialect, datacenter, domain } = settings;
  const wanted = query.name.toLowerCase();
  if (access.acl === 'allow' && reach(world, datacenter) === 'ok') {
    const address = addressOf(wanted);
    const node = address && catalogue.nodeAt(address, datacenter);
    const instance = address && catalogue.instanceAt(address, datacenter);
    const target = node
      ? nodeName(node, domain)
      : instance && `${instance.name}.service.${instance.node.datacenter}.${domain}`;
    if (target)
      return empty(RCODES.NOERROR, { answers: [{ name: query.name, ttl: 0, type: 'PTR', target }] });
  }
  if (settings.recursor !== undefined) return undefined;
  // 1.8.7 leaves what it does not find to recursors, also where it has none (F5.14).
  if (!dialect.newNames) return empty(RCODES.SERVFAIL, { authoritative: false, recursed: true });
  return dialect.v2dns && access.acl === 'unknown-token' ? failed(world) : missing(world, query.name);
}

/** The address a reverse name stands for, in the plain form addresses are registered in. */
function addressOf(name: string): string | undefined {
  const v4 = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\.in-addr\.arpa$/.exec(name);
  if (v4) return v4.slice(1).reverse().join('.');
  if (!/^([0-9a-f]\.){32}ip6\.arpa$/.test(name)) return undefined;
  const digits = name.slice(0, 63).split('.').reverse().join('');
  // The URL parser writes an IPv6 address in its one canonical form.
  return new URL(`http://[${(digits.match(/.{4}/g) ?? []).join(':')}]`).hostname.slice(1, -1);
}
