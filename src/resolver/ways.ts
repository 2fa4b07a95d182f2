import type { LookupOptions } from '../dns/client.ts';

/** How to ask next: UDP first, then a way with another limit, as completeness.ts wants it. */
export class Ways {
  readonly #mode: 'auto' | 'udp' | 'tcp';
  #asked = 0;
  #tcpFailed = false;

  constructor(mode: 'auto' | 'udp' | 'tcp') {
    this.#mode = mode;
  }

  next(): LookupOptions {
    const turn = this.#asked++;
    if (this.#mode === 'tcp') return { transport: 'tcp' };
    if (turn === 0) return { transport: this.#mode };
    if (this.#mode === 'auto' && !this.#tcpFailed) return { transport: 'tcp' };
    // By UDP alone: one ask under a smaller limit can prove the list, further ones of that size could not.
    return turn === 1 ? { transport: 'udp', edns: 1_000 } : { transport: 'udp' };
  }

  /** The last way failed. Returns whether there is another. */
  failed(): boolean {
    const another = this.#mode === 'auto' && !this.#tcpFailed;
    this.#tcpFailed = true;
    return another;
  }
}
