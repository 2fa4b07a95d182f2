import { setMaxListeners } from 'node:events';
import { entriesOf } from './checks.ts';
import { systemClock } from './clock.ts';
import { completeOptions } from './complete-options.ts';
import { Warnings } from './diagnostics.ts';
import { InvalidOptionError } from './errors.ts';
import type { DiscoveryOptions } from './options.ts';
import { ConsulSource } from './resolver/consul-source.ts';
import type { Resolver } from './resolver/resolver.ts';

/** The keys of DiscoveryOptions that say how Consul's DNS is asked. */
export type ConsulDnsOptions = Pick<
  DiscoveryOptions,
  | 'servers'
  | 'domain'
  | 'records'
  | 'transport'
  | 'edns'
  | 'timeout'
  | 'retries'
  | 'port'
  | 'family'
  | 'onWarning'
>;

const keys = [
  'servers',
  'domain',
  'records',
  'transport',
  'edns',
  'timeout',
  'retries',
  'port',
  'family',
  'onWarning',
];

/**
 * The resolver that `createDiscovery` uses by default, alone: uncached, for building others from. Close it when done.
 *
 * @throws InvalidOptionError
 */
export function consulDns(options: ConsulDnsOptions = {}): Resolver {
  for (const [key] of entriesOf(options, 'consulDns')) {
    if (!keys.includes(key)) {
      throw new InvalidOptionError(`consulDns: unknown option "${key}"; known are ${keys.join(', ')}.`);
    }
  }
  const complete = completeOptions(options);
  const { port, family } = complete.defaults;
  if (complete.records === 'A' && port === undefined) {
    throw new InvalidOptionError("consulDns: records: 'A' brings no ports; give one as `port`.");
  }
  const warnings = new Warnings(complete.onWarning);
  const source = new ConsulSource({
    ...complete,
    clock: systemClock,
    warn: (warning) => warnings.once(warning),
    over: (code, service) => warnings.over(code, service),
  });
  const resolver = source.resolver(port, family);
  return {
    resolve: (name, asked = {}) => resolver.resolve(name, { ...asked, signal: ownSignal(asked.signal) }),
    close: () => source.close(),
  };
}

/** A lookup may ask many questions at once, each of which listens: on a signal of ours, not on the caller's. */
function ownSignal(signal: AbortSignal | undefined): AbortSignal | undefined {
  if (signal === undefined) return undefined;
  const own = AbortSignal.any([signal]);
  setMaxListeners(0, own);
  return own;
}
