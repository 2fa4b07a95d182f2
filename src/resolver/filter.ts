import { callable } from '../checks.ts';
import { type DiscoveryError, DnsError, InvalidOptionError, ServiceNotFoundError } from '../errors.ts';
import { decorated } from './decorated.ts';
import type { CombinedResolver } from './parts.ts';
import type { Address, Resolution, Resolver } from './resolver.ts';

const checkPredicate = callable<(address: Address) => boolean>('a function of one address');

/**
 * Only the addresses that `predicate` is true for. Closing it closes `resolver`.
 *
 * Where none is left it rejects with ServiceNotFoundError; with DnsError, where the list is too incomplete to say that.
 *
 * @param predicate synchronous; called once an address and question. What it throws rejects, as `cause` of an InvalidOptionError.
 * @throws InvalidOptionError
 */
export function filter(resolver: Resolver, predicate: (address: Address) => boolean): CombinedResolver {
  checkPredicate(predicate, 'filter: predicate');
  return decorated(resolver, 'filter', (resolution) => {
    const addresses = resolution.addresses.filter((address) => decide(predicate, address));
    if (addresses.length === 0) throw noneLeft(resolution);
    return { ...resolution, addresses };
  });
}

function decide(predicate: (address: Address) => boolean, address: Address): boolean {
  const shown = `${address.host} port ${address.port}`;
  let verdict: unknown;
  try {
    verdict = predicate(address);
  } catch (cause) {
    throw new InvalidOptionError(`filter: the predicate threw for ${shown}: ${String(cause)}`, { cause });
  }
  if (typeof verdict === 'boolean') return verdict;
  // A promise would count as true, always.
  throw new InvalidOptionError(
    `filter: the predicate returned ${Object(verdict).then === undefined ? typeof verdict : 'a promise'} for ${shown}; expected true or false.`,
  );
}

function noneLeft({
  addresses,
  complete,
  omission = 0,
  unresolved,
  origin,
  token,
}: Resolution): DiscoveryError {
  const from = origin === undefined ? '' : ` that ${origin.server} listed`;
  const message = `filter: the predicate is true for none of the ${addresses.length} addresses${from}.`;
  if (complete || (omission < 1 && unresolved === undefined))
    return new ServiceNotFoundError(message, { token });
  return new DnsError('ERR_DNS_RESPONSE', `${message} But the list is incomplete just now.`, []);
}
