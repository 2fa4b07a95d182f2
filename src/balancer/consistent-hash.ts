import type { TimerHandle } from '../clock.ts';
import type { Endpoint } from '../endpoint.ts';
import type { Snapshot } from '../snapshot.ts';
import type { Balancer, BalancerContext, BalancerDescription, Excluded } from './balancer.ts';
import { BoundedLoad } from './bounded-load.ts';
import { type KeyHash, keyHashes, scatter } from './key-hash.ts';
import { Rotation } from './rotation.ts';
import { SlotTable } from './slot-table.ts';
import { type Weighed, weigh } from './weights.ts';

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

/** Steps of at most 10 ns at once; in between the event loop goes on. */
const slice = 2 ** 17;
/** A slice ends after so many ms anyway: code that is not compiled yet takes its time. The clock is read every so many steps. */
const longest = 2;
const between = 2 ** 12;

/** How often a key jumps before all are looked at in turn, beside once for each that is excluded. */
const jumps = 32;

const none: Weighed = { endpoints: [], weights: new Float64Array(0), equal: true, spare: [] };

export class ConsistentHash implements Balancer {
  readonly #context: BalancerContext;
  readonly #hash: KeyHash;
  readonly #slots: number;
  /** A hash's first bits are its slot. */
  readonly #shift: number;
  readonly #load: BoundedLoad | undefined;
  readonly #rotation: Rotation;
  #weighed: Weighed = none;
  /** Answers picks; of an older list while `#next` is being made. */
  #table: SlotTable | undefined;
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
    this.#rotation = new Rotation(context.random);
  }

  update(snapshot: Snapshot): void {
    this.#weighed = weigh(snapshot);
    this.#rotation.update(this.#weighed.endpoints);
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

  /** A small change is made in the table at once, any other by a new one. */
  #follow(): void {
    const difference = (this.#next ?? this.#table)?.compare(this.#weighed);
    if (difference !== undefined) {
      const { joined, left, reweighed } = difference;
      if (joined.length + left.length + reweighed.length === 0) return;
      if (this.#next === undefined && this.#table!.costOf(difference) <= 2 * slice) {
        this.#table!.change(difference);
        return;
      }
    }
    for (const endpoint of this.#table?.compare(this.#weighed).left ?? []) this.#table!.drop(endpoint);
    this.#next = new SlotTable(this.#slots, this.#weighed);
    this.#make();
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

  /** The newest list's own answer, however far its table is. */
  #ownerOf(slot: number): Endpoint | undefined {
    return this.#table?.at(slot) ?? (this.#next ?? this.#table)?.find(slot);
  }

  /** Jumps from slot to slot until somebody may be chosen; each jump finds anybody, by weight. */
  #pickFrom(bits: number, exclude: Excluded | undefined): Endpoint | undefined {
    const { endpoints } = this.#weighed;
    const most = jumps + Math.min(exclude?.size ?? 0, endpoints.length);
    let full: Endpoint | undefined;
    let at = bits;
    for (let jump = 0; jump < most; jump++) {
      const endpoint = this.#ownerOf(at >>> this.#shift);
      if (endpoint === undefined) break;
      if (exclude?.has(endpoint) !== true) {
        if (this.#load?.hasRoom(endpoint) !== false) return endpoint;
        full ??= endpoint;
      }
      at = scatter((at + 0x9e3779b9) | 0);
    }
    const start = (bits >>> 0) % endpoints.length;
    for (let step = 0; step < endpoints.length; step++) {
      const endpoint = endpoints[(start + step) % endpoints.length]!;
      if (exclude?.has(endpoint) === true) continue;
      if (this.#load?.hasRoom(endpoint) !== false) return endpoint;
      full ??= endpoint;
    }
    return full ?? this.#spare(exclude);
  }

  #pickWithout(key: unknown, exclude: Excluded | undefined): Endpoint | undefined {
    // From JavaScript a number may come: as a key it is as good as its text.
    if (key !== undefined && key !== null) return this.pick(String(key), exclude);
    if (this.#load === undefined) {
      if (exclude === undefined) return this.#rotation.next();
      return this.#rotation.nextExcept(exclude) ?? this.#spare(exclude);
    }
    let full: Endpoint | undefined;
    for (let step = 0; step < this.#weighed.endpoints.length; step++) {
      const endpoint = this.#rotation.next()!;
      if (exclude?.has(endpoint) === true) continue;
      if (this.#load.hasRoom(endpoint)) return endpoint;
      full ??= endpoint;
    }
    return full ?? this.#spare(exclude);
  }

  #spare(exclude: Excluded | undefined): Endpoint | undefined {
    return this.#weighed.spare.find((endpoint) => exclude?.has(endpoint) !== true);
  }
}
