import type { DnsAnswer, LookupOptions } from '../dns/client.ts';
import { roomForOne } from './completeness.ts';

/** A UDP size that any path and any server takes, far enough from the usual ones to prove a list by two limits. */
const smallSize = 1_000;

/** How to ask next: by UDP first, then in a way with another limit, as completeness.ts wants it. */
export class Ways {
  readonly #mode: 'auto' | 'udp' | 'tcp';
  #askedSmall = false;
  #tcpFailed = false;

  constructor(mode: 'auto' | 'udp' | 'tcp') {
    this.#mode = mode;
  }

  /** @param last the newest answer, which left doubt. */
  next(last: DnsAnswer | undefined): LookupOptions {
    if (this.#mode === 'tcp') return { transport: 'tcp' };
    if (last === undefined) return { transport: this.#mode };
    // A small list is settled by one more datagram; so is what there is to settle where TCP is closed.
    const fits = last.transport === 'udp' && last.reply.size + roomForOne <= smallSize;
    const byUdpAlone = this.#mode === 'udp' || this.#tcpFailed;
    if (!this.#askedSmall && (fits || byUdpAlone)) {
      this.#askedSmall = true;
      return { transport: 'udp', edns: smallSize };
    }
    // One round: there is a list already, and where TCP is filtered each try costs its whole timeout.
    return byUdpAlone ? { transport: 'udp' } : { transport: 'tcp', retries: 0 };
  }

  /** The last way failed. Returns whether there is another. */
  failed(): boolean {
    const another = this.#mode === 'auto' && !this.#tcpFailed;
    this.#tcpFailed = true;
    return another;
  }
}
