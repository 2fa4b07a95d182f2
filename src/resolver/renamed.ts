import { fields, having, text } from '../checks.ts';
import { parseServiceName, type ServiceName } from '../dns/name.ts';
import { InvalidOptionError } from '../errors.ts';
import { decorated } from './decorated.ts';
import type { CombinedResolver } from './parts.ts';
import type { Resolver } from './resolver.ts';

/** What is put into every name, in place of what stands there. */
export interface NameChange {
  readonly service?: string;
  readonly tag?: string;
  readonly datacenter?: string;
}

const checkResolver = having<Resolver>('resolve');
const checkChange = fields({ service: text, tag: text, datacenter: text });

/**
 * The same resolver, asked for another name: `renamed(consul, { datacenter: 'dc2' })` finds in that datacenter whatever it is asked
 * for. Closing it closes `resolver`.
 *
 * @throws InvalidOptionError; InvalidNameError. Rejects with InvalidNameError for names that cannot be changed so.
 */
export function renamed(resolver: Resolver, change: NameChange): CombinedResolver {
  checkResolver(resolver, 'renamed');
  const given = checkChange(change, 'renamed');
  if (Object.keys(given).length === 0) {
    throw new InvalidOptionError(
      "renamed: expected something to change, like { datacenter: 'dc2' }, got {}.",
    );
  }
  parseServiceName({ service: 'any', ...given });
  const asked: Resolver = {
    resolve: async (name, options) => {
      const typed = typeof name === 'object' ? name : parseServiceName(name);
      return resolver.resolve(parseServiceName({ ...typed, ...given } as ServiceName), options);
    },
    close: () => resolver.close?.(),
  };
  return decorated(asked, 'renamed', (resolution) => resolution);
}
