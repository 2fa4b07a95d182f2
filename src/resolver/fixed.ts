import { isIP } from 'node:net';
import { type Check, fields, number, refuse, text } from '../checks.ts';
import { InvalidOptionError } from '../errors.ts';
import { ipText } from '../ip.ts';
import type { Address, Resolution, Resolver } from './resolver.ts';

/**
 * Addresses given by hand: for tests, development and emergencies. The same for every name.
 *
 * @param addresses `'10.0.0.1:8080'`, `'[::1]:8080'` or address objects (weight and priority default to 1).
 * @throws InvalidOptionError
 */
export function fixed(addresses: readonly (string | Partial<Address>)[]): Resolver {
  if (!Array.isArray(addresses)) refuse('fixed', "a list like ['10.0.0.1:8080']", addresses);
  const list = addresses.map(toAddress);
  const resolution: Resolution = {
    addresses: list,
    ttl: 60_000,
    complete: true,
    origin: { server: 'fixed' },
  };
  return {
    async resolve(_name, { signal } = {}) {
      signal?.throwIfAborted();
      return resolution;
    },
  };
}

const weight = number(0, 65_535, { whole: true });
const checkAddress = fields({
  host: text,
  port: number(1, 65_535, { whole: true }),
  priority: weight,
  weight,
  target: text,
  serverName: text,
  node: text,
  datacenter: text,
  tags: (value) => value,
  meta: (value) => value,
}) as Check<Partial<Address>>;

function toAddress(given: string | Partial<Address>): Address {
  const parts = typeof given === 'string' ? split(given) : checkAddress(given, 'fixed');
  const { host = '', port = 0 } = parts ?? {};
  if (isIP(host) === 0 || port < 1 || port > 65_535) {
    throw new InvalidOptionError(
      `${JSON.stringify(given)} is not an address; expected 'IP:port' with a port of 1…65535, IPv6 in brackets.`,
    );
  }
  return { priority: 1, weight: 1, ...parts, host: ipText(host), port };
}

function split(text: string): Partial<Address> | undefined {
  const [, v6, v4, port] = /^(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(text) ?? [];
  return port === undefined ? undefined : { host: v6 ?? v4 ?? '', port: Number(port) };
}
