import type { DispatchOptions } from './dispatch.ts';
import { type Asker, Exchange, type ExchangeSetup } from './exchange.ts';
import type { EndpointPools } from './pools.ts';

/**
 * A request that its pools know of from beginning to end, so that they can wait for it and end it: also while it waits for a first
 * list or between two attempts, where none of them has anything under way.
 */
export class PooledExchange extends Exchange {
  /** See UnderWay. */
  place = -1;
  readonly #pools: EndpointPools;

  constructor(
    setup: ExchangeSetup,
    pools: EndpointPools,
    asker: Asker,
    options: DispatchOptions,
    replay: unknown,
  ) {
    super(setup, pools.service, pools, asker, options, replay);
    this.#pools = pools;
    pools.began(this);
  }

  override finished(): void {
    super.finished();
    this.#pools.ended(this);
  }
}
