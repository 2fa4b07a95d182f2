import { isIP } from 'node:net';
import { type Check, entriesOf, fields, number, refuse, text } from '../checks.ts';
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
  const list = addresses.map((given, i) => toAddress(given, `fixed[${i}]`));
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
const strings: Check<readonly string[]> = (value, path) =>
  Array.isArray(value) && value.every((one) => typeof one === 'string')
    ? value
    : refuse(path, 'a list of strings', value);
const stringsByKey: Check<Readonly<Record<string, string>>> = (value, path) => {
  const entries = entriesOf(value, path);
  strings(
    entries.map(([, one]) => one),
    path,
  );
  return Object.fromEntries(entries) as Record<string, string>;
};
const addressFields = {
  host: text,
  port: number(1, 65_535, { whole: true }),
  priority: weight,
  weight,
  rank: number(0, Number.MAX_SAFE_INTEGER, { whole: true }),
  target: text,
  serverName: text,
  node: text,
  datacenter: text,
  tags: strings,
  meta: stringsByKey,
  check: text,
} satisfies { [K in keyof Required<Address>]: Check<Required<Address>[K]> };
const checkAddress: Check<Partial<Address>> = fields(addressFields);

/** `'10.0.0.1:8080'` or an address object, completed. */
export const toAddress: Check<Address> = (given, path) => {
  const parts = typeof given === 'string' ? parse(given) : checkAddress(given, path);
  const { host = '', port = 0 } = parts ?? {};
  if (isIP(host) === 0 || port < 1 || port > 65_535) {
    throw new InvalidOptionError(
      `${path}: ${JSON.stringify(given)} is not an address; expected 'IP:port' with a port of 1…65535, IPv6 in brackets.`,
    );
  }
  return { priority: 1, weight: 1, ...parts, host: ipText(host), port };
};

function parse(text: string): Partial<Address> | undefined {
  const [, v6, v4, port] = /^(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(text) ?? [];
  return port === undefined ? undefined : { host: v6 ?? v4 ?? '', port: Number(port) };
}
