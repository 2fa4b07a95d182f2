import { BalancedPool, Pool } from 'undici';
import type { Contender, Fleet } from './contender.ts';

/**
 * undici 7's BalancedPool: round-robin over weights that connection errors lower; without errors they are equal. What chooses the
 * upstream of a request stands behind a symbol; nothing is dispatched, so no socket is opened.
 */
export class UndiciBalancedPool implements Contender {
  readonly #pool: BalancedPool;
  readonly #choose: symbol;

  constructor({ endpoints }: Fleet) {
    this.#pool = new BalancedPool(
      endpoints.map((endpoint) => endpoint.url('')),
      {
        factory: (origin, options) =>
          Object.assign(new Pool(origin, options), { port: Number(new URL(origin).port) }),
      },
    );
    this.#choose = Object.getOwnPropertySymbols(BalancedPool.prototype).find(
      ({ description }) => description === 'get dispatcher',
    )!;
  }

  pick(): { readonly port: number } {
    return (this.#pool as unknown as Record<symbol, () => { readonly port: number }>)[this.#choose]!();
  }
}
