import { fields, number, oneOf, text } from '../checks.ts';
import { InvalidOptionError } from '../errors.ts';
import { hash } from '../hash.ts';
import { noneFound } from './none-found.ts';
import { type CombinedResolver, Parts, type PartsOptions, partsFields, partsOf } from './parts.ts';
import type { Resolver } from './resolver.ts';
import { divided } from './shares.ts';
import { drawnKey } from './subset.ts';
import { Together } from './together.ts';
import { joinTokens, tokenOf } from './tokens.ts';

export interface SplitOptions extends PartsOptions {
  /** What the canary gets, 0…1. */
  readonly share: number;
  /**
   * `'process'` (default): that share of all processes uses the canary alone, the others the stable one alone. Holds with every
   * strategy. `'weight'`: every process uses both, by weights that amount to the share. Holds with strategies that heed weights.
   */
  readonly by?: 'process' | 'weight';
  /** Which process this is, for `by: 'process'`. Raising the share moves no key back. Default: drawn anew in each process. */
  readonly key?: string | undefined;
}

const checkSplit = fields({
  ...partsFields,
  share: number(0, 1),
  by: oneOf('process', 'weight'),
  key: text,
});

/**
 * Two versions side by side: `share` of the picks go to `canary`, the rest to `stable`. What both list is the canary's, so the
 * stable one may be asked for without a tag.
 *
 * Where one of them has nothing or fails, the other one gets all. Rejects when neither has anything. With `after` it waits only
 * where both can. Closing it closes both.
 *
 * @throws InvalidOptionError
 */
export function split(stable: Resolver, canary: Resolver, options: SplitOptions): CombinedResolver {
  const checked = partsOf([stable, canary, options], 2, checkSplit, 'split');
  const { share, by = 'process', key = drawnKey() } = checked.options;
  if (share === undefined) throw new InvalidOptionError('split: expected a share, like { share: 0.05 }.');
  const parts = new Parts(checked.resolvers, checked.options);
  const together = new Together(parts);
  const ownShare = by === 'weight' ? share : isCanary(key, share) ? 1 : 0;

  return parts.combined(async (name, asked) => {
    const outcomes = await together.ask(name, asked);
    const [old, young] = outcomes.map(({ found }) => found);
    // The token of one would hide that the other came back.
    const token = joinTokens(outcomes.map(tokenOf));
    const only = old ?? young;
    if (only === undefined) throw noneFound('split', outcomes, ['stable', 'canary'], token);
    const { token: _, ...set } = old && young ? divided(old, young, ownShare) : only;
    return token === undefined ? set : { ...set, token };
  });
}

/** By a number of the key's own, so that a larger share only adds keys. */
function isCanary(key: string, share: number): boolean {
  return hash(`canary ${key}`) / 2 ** 53 < share;
}
