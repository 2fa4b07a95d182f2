import { isIP } from 'node:net';
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

function toAddress(given: string | Partial<Address>): Address {
  const parts = typeof given === 'string' ? split(given) : given;
  const { host = '', port = 0 } = parts ?? {};
  if (isIP(host) === 0 || !Number.isInteger(port) || port < 1 || port > 65535) {
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
