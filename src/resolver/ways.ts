import { LRUCache } from 'lru-cache';
import type { Clock } from '../clock.ts';
import type { DnsAnswer, LookupOptions } from '../dns/client.ts';
import { roomForOne } from './completeness.ts';

/** A UDP size that any path and any server takes, far enough from the usual ones to prove a list by two limits. */
const smallSize = 1_000;

/** A way to begin with, where the usual one is known to bring less: TCP, or UDP with a small size. */
export type Preference = { readonly transport: 'tcp' } | { readonly transport: 'udp'; readonly edns: number };

/** The way that gave most, by question: remembered for 10 minutes, then the usual one is tried again. */
export class WayMemory {
  readonly #ways: LRUCache<string, Preference>;

  /** Questions that met silence in every way a moment ago; true where addresses were answered all the same. */
  readonly #silent: LRUCache<string, boolean>;

  constructor(clock: Clock) {
    // Bounds by size: a bound by number would allocate all its places now.
    const bound = { maxSize: 10_000, sizeCalculation: () => 1, perf: clock, ttlResolution: 0 };
    this.#ways = new LRUCache({ ...bound, ttl: 600_000 });
    this.#silent = new LRUCache({ ...bound, ttl: 60_000 });
  }

  /** Whether a silent question may be asked in every way: once a minute, so that a hanging Consul is not asked manifold. */
  mayListen(question: string): boolean {
    if (this.#silent.has(question)) return false;
    this.#silent.set(question, false);
    return true;
  }

  /** Something was answered after all: should that end, it may be listened for at once. */
  heard(question: string): void {
    this.#silent.delete(question);
  }

  /** Only addresses are answered, not SRV: believed for a minute, then SRV is tried again. */
  noteAddressesOnly(question: string): void {
    this.#silent.set(question, true);
  }

  givesAddressesOnly(question: string): boolean {
    return this.#silent.get(question) === true;
  }

  get(question: string): Preference | undefined {
    return this.#ways.get(question);
  }

  prefer(question: string, way: Preference): void {
    if (!this.#ways.has(question)) this.#ways.set(question, way);
  }

  forget(question: string): void {
    this.#ways.delete(question);
  }
}

/** How to ask next: by UDP first, then in a way with another limit, as completeness.ts wants it. */
export class Ways {
  readonly #mode: 'auto' | 'udp' | 'tcp';
  #preference: Preference | undefined;
  #askedSmall = false;
  #tcpFailed = false;

  constructor(mode: 'auto' | 'udp' | 'tcp', preference: Preference | undefined) {
    this.#mode = mode;
    this.#preference = preference;
  }

  /** @param last the newest answer, which left doubt. */
  next(last: DnsAnswer | undefined): LookupOptions {
    if (this.#mode === 'tcp') return { transport: 'tcp' };
    if (this.#preference !== undefined && (last === undefined || this.#preference.transport === 'udp')) {
      // One round by TCP: should that be closed by now, the usual way is not to wait for long. A small size is
      // remembered where the usual one is silent: one lost datagram is no reason to go back to that.
      return this.#preference.transport === 'tcp' ? { transport: 'tcp', retries: 0 } : this.#preference;
    }
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

  /** From here on asks this way. */
  switchTo(way: Preference): void {
    this.#preference = way;
  }

  /** Goes back to the usual way. Returns whether there was another. */
  dropPreference(): boolean {
    const had = this.#preference !== undefined;
    this.#preference = undefined;
    return had;
  }

  /** The last way failed, after an answer in another. Returns whether there is one more. */
  failed(): boolean {
    const another = this.#mode === 'auto' && !this.#tcpFailed;
    this.#tcpFailed = true;
    return another;
  }
}
