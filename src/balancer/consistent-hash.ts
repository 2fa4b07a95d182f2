import type { TimerHandle } from '../clock.ts';
import type { Endpoint } from '../endpoint.ts';
import type { Snapshot } from '../snapshot.ts';
import type { Balancer, BalancerContext, BalancerDescription, Excluded } from './balancer.ts';
import { BoundedLoad } from './bounded-load.ts';
import { type KeyHash, keyHashes, scatter } from './key-hash.ts';
import { SlotTable } from './slot-table.ts';
import { WeightedRoundRobin } from './weighted-round-robin.ts';
import { nothingWeighed, type Weighed, weigh } from './weights.ts';

export interface ConsistentHashOptions {
  /**
   * `'murmur3'` (default), `'fnv1a'`, or a function of your own from a key to a number, of which the low 32 bits count; it must give the
   * same in every process.
   */
  readonly hash?: keyof typeof keyHashes | KeyHash;
  /**
   * No endpoint gets more than so many times its share of the requests in flight, 1.01…100; what is above goes to
   * others. 1.25 is usual. Needs leases. Default: no bound.
   */
  readonly bound?: number;
  /**
   * How finely keys are divided, a power of two from 2¹⁰ to 2²². An endpoint's load is even to about 0.7 / √(slots / endpoints); takes
   * two bytes each. Must be the same in every process. Default 131 072 (2¹⁷).
   */
  readonly slots?: number;
}

/**
 * The same endpoint for the same key, in every process that has the same list; when an endpoint leaves, only its keys move, and when
 * one comes, keys move only to it. Without a key it is round-robin. Obeys weights (and slow start); needs leases for `bound` only.
 *
 * Rendezvous hashing (Thaler and Ravishankar, 1998) of slots, into which keys are hashed: pick() is O(length of the key).
 * With `bound`, after Mirrokni, Thorup and Zadimoghaddam ("Consistent Hashing with Bounded Loads", 2016), or with endpoints excluded, a
 * key jumps on to another slot (Chen, Coleman and Shrivastava, "Revisiting Consistent Hashing with Bounded Loads", 2021).
 *
 * Who can choose keys can choose many that go to one endpoint, whatever the hash: `bound` keeps others from suffering, a
 * keyed function as `hash` makes it hard.
 */
export function consistentHash(options: ConsistentHashOptions = {}): BalancerDescription {
  return { name: 'consistent-hash', ...options };
}

/** Steps of about 10 ns that are taken at once; in between the event loop goes on. */
const slice = 2 ** 17;
/** Changes of no more steps are made within `update`: one endpoint of average weight that leaves takes as many as there are slots. */
const atOnce = 1.25 * slice;
/** A slice ends after so many ms anyway: code that is not compiled yet takes its time. The clock is read every so many steps. */
const longest = 1;
const between = 2 ** 10;

/** How often a key jumps before all are looked at in turn, beside once for each that is excluded. */
const jumps = 32;
/** How many turns a request without a key waits for somebody who has room. */
const turns = 8;

export class ConsistentHash implements Balancer {
  readonly #context: BalancerContext;
  readonly #hash: KeyHash;
  readonly #slots: number;
  /** A hash's first bits are its slot. */
  readonly #shift: number;
  readonly #load: BoundedLoad | undefined;
  readonly #keyless: WeightedRoundRobin;
  #weighed: Weighed = nothingWeighed;
  /** A table that is made; of an older list as long as there is a next one. */
  #table: SlotTable | undefined;
  /** The newest list's, while it is being made. */
  #next: SlotTable | undefined;
  #timer: TimerHandle | undefined;
  #idle = false;

  constructor(context: BalancerContext, options: ConsistentHashOptions = {}) {
    const { hash = 'murmur3', bound, slots = 2 ** 17 } = options;
    this.#context = context;
    this.#hash = typeof hash === 'function' ? hash : keyHashes[hash];
    this.#slots = slots;
    this.#shift = 32 - Math.log2(slots);
    this.#load = bound === undefined ? undefined : new BoundedLoad(bound);
    this.#keyless = new WeightedRoundRobin(context);
  }

  update(snapshot: Snapshot): void {
    this.#weighed = weigh(snapshot);
    this.#keyless.update(snapshot);
    this.#load?.update(this.#weighed);
    if (this.#weighed.endpoints.length > 0) this.#follow();
    else this.#abandon();
  }

  pick(key?: string, exclude?: Excluded): Endpoint | undefined {
    if (typeof key !== 'string') return this.#pickWithout(key, exclude);
    const bits = scatter(this.#hash(key));
    if (exclude === undefined && this.#load === undefined) {
      const endpoint = this.#table?.at(bits >>> this.#shift);
      if (endpoint !== undefined) return endpoint;
    }
    return this.#pickFrom(bits, exclude);
  }

  started(endpoint: Endpoint): void {
    this.#load?.changed(endpoint);
  }

  finished(endpoint: Endpoint): void {
    this.#load?.changed(endpoint);
  }

  idle(idle: boolean): void {
    this.#idle = idle;
    this.#schedule();
  }

  close(): void {
    this.#abandon();
  }

  /** A small change is made in the table at once; for any other one there will be a new table. */
  #follow(): void {
    const table = this.#table;
    const difference = (this.#next ?? table)?.compare(this.#weighed);
    if (difference?.size === 0) return;
    if (table !== undefined && difference !== undefined) {
      const upToDate = this.#next === undefined;
      if (upToDate && table.costOf(difference) <= atOnce) {
        table.change(difference);
        return;
      }
      const { left } = upToDate ? difference : table.compare(this.#weighed);
      for (const endpoint of left) table.drop(endpoint);
    }
    this.#next = new SlotTable(this.#slots, this.#weighed);
    this.#schedule();
  }

  #make(): void {
    const { clock } = this.#context;
    const end = clock.now() + longest;
    for (let steps = 0; steps < slice; steps += between) {
      if (this.#next!.make(between)) {
        this.#table = this.#next;
        this.#next = undefined;
        break;
      }
      if (clock.now() >= end) break;
    }
    this.#schedule();
  }

  #schedule(): void {
    const { clock } = this.#context;
    clock.clearTimeout(this.#timer);
    this.#timer =
      this.#next === undefined || this.#idle ? undefined : clock.setTimeout(() => this.#make(), 0);
  }

  #abandon(): void {
    this.#table = undefined;
    this.#next = undefined;
    this.#schedule();
  }

  /** Jumps from slot to slot until somebody may be chosen: anybody, by weight, but for one key always in the same order. */
  #pickFrom(bits: number, exclude: Excluded | undefined): Endpoint | undefined {
    const { endpoints, spare } = this.#weighed;
    const most = jumps + Math.min(exclude?.size ?? 0, endpoints.length);
    let full: Endpoint | undefined;
    let at = bits;
    for (let jump = 0; jump < most; jump++) {
      const endpoint = this.#ownerOf(at >>> this.#shift);
      if (endpoint === undefined) break;
      if (exclude === undefined || !exclude.has(endpoint)) {
        if (this.#hasRoom(endpoint)) return endpoint;
        full ??= endpoint;
      }
      at = scatter((at + 0x9e3779b9) | 0);
    }
    return (
      this.#firstOf(endpoints, bits, exclude, true) ??
      full ??
      this.#firstOf(endpoints, bits, exclude, false) ??
      this.#firstOf(spare, bits, exclude, false)
    );
  }

  /** The newest list's own answer, at every moment: from its table, or by asking all while that is not made. */
  #ownerOf(slot: number): Endpoint | undefined {
    return this.#table?.at(slot) ?? this.#next?.find(slot);
  }

  /** In turn from a place that depends on the key. */
  #firstOf(
    list: readonly Endpoint[],
    bits: number,
    exclude: Excluded | undefined,
    withRoom: boolean,
  ): Endpoint | undefined {
    const start = list.length === 0 ? 0 : (bits >>> 0) % list.length;
    for (let step = 0; step < list.length; step++) {
      const endpoint = list[(start + step) % list.length]!;
      if (exclude?.has(endpoint) !== true && (!withRoom || this.#hasRoom(endpoint))) return endpoint;
    }
    return undefined;
  }

  #hasRoom(endpoint: Endpoint): boolean {
    return this.#load === undefined || this.#load.hasRoom(endpoint);
  }

  #pickWithout(key: unknown, exclude: Excluded | undefined): Endpoint | undefined {
    // From JavaScript a number may come: as a key it is as good as its text.
    if (key !== undefined && key !== null) return this.pick(String(key), exclude);
    if (this.#load === undefined) return this.#keyless.pick(undefined, exclude);
    for (let turn = 0; turn < turns; turn++) {
      const endpoint = this.#keyless.pick(undefined, exclude);
      if (endpoint === undefined || this.#load.hasRoom(endpoint)) return endpoint;
    }
    return this.#pickFrom(this.#context.random.next() | 0, exclude);
  }
}
