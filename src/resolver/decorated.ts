import { having } from '../checks.ts';
import { ClosedError } from '../errors.ts';
import type { CombinedResolver } from './parts.ts';
import type { Resolution, Resolver } from './resolver.ts';

const checkResolver = having<Resolver>('resolve');

/**
 * `resolver` with something done to what it finds. Closing it closes `resolver`.
 *
 * @param path of the resolver, for errors.
 * @throws InvalidOptionError
 */
export function decorated(
  resolver: Resolver,
  path: string,
  change: (resolution: Resolution) => Resolution,
): CombinedResolver {
  checkResolver(resolver, path);
  let closing: Promise<void> | undefined;
  return {
    async resolve(name, options) {
      if (closing !== undefined) throw new ClosedError('The resolver was closed.');
      return change(await resolver.resolve(name, options));
    },
    close() {
      closing ??= (async () => resolver.close?.())();
      return closing;
    },
  };
}
