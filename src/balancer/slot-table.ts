import type { Endpoint } from '../endpoint.ts';
import { type Owners, SlotRace } from './slot-race.ts';
import type { Weighed } from './weights.ts';

/** A list against the one that a table was made for. */
export interface Difference {
  /** How many have joined, left or another weight. */
  readonly size: number;
  readonly joined: readonly { readonly endpoint: Endpoint; readonly weight: number }[];
  readonly left: readonly Endpoint[];
  /** With their new weights. */
  readonly reweighed: readonly { readonly endpoint: Endpoint; readonly weight: number }[];
}

/**
 * A number of slots, and whose each of them is. That depends on the endpoints and their weights alone (SlotRace), not on how the table
 * came to them: made anew or changed, it is the same.
 *
 * Made anew, all members claim slots until a time by which few are left over, and the winner of each of those is looked for: about
 * slots × (ln n + 1) steps of some nanoseconds, in as many pieces as wanted.
 */
export class SlotTable {
  readonly #slots: number;
  readonly #race: SlotRace;
  #owners: Owners = new Uint16Array(0);
  /** By member; the place 0 stays empty. */
  readonly #endpoints: (Endpoint | undefined)[] = [undefined];
  readonly #members = new Map<Endpoint, number>();
  /** By member. */
  readonly #weights: number[] = [0];
  readonly #room: number;
  /** Members below `#endpoints.length` that nobody is. */
  readonly #free: number[] = [];
  #weight = 0;
  /** No slot was reached by its owner later than this. */
  #end: number;
  /** How far the making is: claims of the members below this one are done, */
  #claiming = 1;
  /** of this member those below this rank, */
  #rank = 0;
  /** and after all claims the slots below this one. */
  #settled = 0;

  /** Of a new table nothing is made yet. O(n). */
  constructor(slots: number, { endpoints, weights }: Weighed) {
    this.#slots = slots;
    this.#room = endpoints.length + 8 + (endpoints.length >> 3);
    this.#race = new SlotRace(slots, this.#room);
    for (let i = 0; i < endpoints.length; i++) this.#enter(endpoints[i]!, weights[i]!);
    // Then claiming what is left over takes as long as asking all about it.
    this.#end = Math.log(this.#settling / 2) / this.#weight;
  }

  /** Whose the slot is, in a table that is made; `undefined` where that endpoint has been dropped. O(1). */
  at(slot: number): Endpoint | undefined {
    return this.#endpoints[this.#owners[slot]!];
  }

  /** Whose the slot is, by asking everybody: right at every moment, also while the table is made. O(n). */
  find(slot: number): Endpoint | undefined {
    return this.#endpoints[this.#race.winner(slot, this.#endpoints.length - 1)];
  }

  /** Goes on making it, for about so many steps; true when it is done. */
  make(steps: number): boolean {
    if (this.#owners.length === 0) {
      this.#owners = this.#room < 2 ** 16 ? new Uint16Array(this.#slots) : new Uint32Array(this.#slots);
    }
    let left = steps;
    while (left > 0 && this.#claiming < this.#endpoints.length) left -= this.#makeClaims(left);
    while (left > 0 && this.#settled < this.#slots) {
      const slot = this.#owners.indexOf(0, this.#settled);
      this.#settled = slot < 0 ? this.#slots : slot + 1;
      if (slot >= 0) this.#settle(slot);
      left -= this.#settling;
    }
    return this.#claiming >= this.#endpoints.length && this.#settled >= this.#slots;
  }

  compare({ endpoints, weights }: Weighed): Difference {
    const joined: { endpoint: Endpoint; weight: number }[] = [];
    const reweighed: { endpoint: Endpoint; weight: number }[] = [];
    for (let i = 0; i < endpoints.length; i++) {
      const endpoint = endpoints[i]!;
      const member = this.#members.get(endpoint);
      const weight = weights[i]!;
      if (member === undefined) joined.push({ endpoint, weight });
      else if (weight !== this.#weights[member]) reweighed.push({ endpoint, weight });
    }
    let left: Endpoint[] = [];
    if (endpoints.length - joined.length < this.#members.size) {
      const listed = new Set(endpoints);
      left = [...this.#members.keys()].filter((endpoint) => !listed.has(endpoint));
    }
    return { size: joined.length + left.length + reweighed.length, joined, left, reweighed };
  }

  /** At most about so many steps `change` takes; Infinity where it cannot be done. */
  costOf({ joined, left, reweighed }: Difference): number {
    const { length } = this.#endpoints;
    if (length + joined.length - this.#free.length > this.#room) return Number.POSITIVE_INFINITY;
    let given = 0;
    let claims = 0;
    for (const endpoint of left) given += this.#weightOf(endpoint);
    for (const { weight } of joined) claims -= Math.expm1(-weight * this.#end);
    for (const { endpoint, weight } of reweighed) {
      const before = this.#weightOf(endpoint);
      if (weight < before) given += before;
      else claims -= Math.expm1(-weight * this.#end);
    }
    return this.#slots * ((given / this.#weight) * this.#settling + claims);
  }

  /** Makes a table that is done one of another list. */
  change({ joined, left, reweighed }: Difference): void {
    const doubtful = new Set<number>();
    const claiming: number[] = [];
    for (const endpoint of left) doubtful.add(this.#leave(endpoint));
    for (const { endpoint, weight } of reweighed) {
      const member = this.#members.get(endpoint)!;
      if (weight < this.#weights[member]!) doubtful.add(member);
      else claiming.push(member);
      this.#weigh(member, weight);
      this.#race.weigh(member, weight);
    }
    for (const { endpoint, weight } of joined) claiming.push(this.#enter(endpoint, weight));
    if (doubtful.size > 0) this.#settleAll(doubtful);
    for (const member of claiming) {
      // One more, since the end is somebody's time as it was rounded.
      const ranks = Math.min(this.#slots, this.#race.reached(member, this.#end) + 1);
      this.#race.claim(this.#owners, member, 0, ranks);
    }
  }

  /** Takes an endpoint out at once; what its slots become is left open. */
  drop(endpoint: Endpoint): void {
    const member = this.#members.get(endpoint);
    if (member !== undefined) this.#endpoints[member] = undefined;
  }

  /** Steps it takes to find the owner of a slot. */
  get #settling(): number {
    return this.#endpoints.length + 16;
  }

  #enter(endpoint: Endpoint, weight: number): number {
    const member = this.#free.pop() ?? this.#endpoints.length;
    this.#endpoints[member] = endpoint;
    this.#members.set(endpoint, member);
    this.#weigh(member, weight);
    this.#race.enter(member, endpoint.address, weight);
    return member;
  }

  #leave(endpoint: Endpoint): number {
    const member = this.#members.get(endpoint)!;
    this.#weigh(member, 0);
    this.#race.weigh(member, 0);
    this.#members.delete(endpoint);
    this.#endpoints[member] = undefined;
    this.#free.push(member);
    return member;
  }

  #weigh(member: number, weight: number): void {
    this.#weight += weight - (this.#weights[member] ?? 0);
    this.#weights[member] = weight;
  }

  #weightOf(endpoint: Endpoint): number {
    return this.#weights[this.#members.get(endpoint)!]!;
  }

  /** At most so many claims of the member whose turn it is; returns how many steps that took. */
  #makeClaims(most: number): number {
    const from = this.#rank;
    const all = this.#race.reached(this.#claiming, this.#end);
    const to = Math.min(all, from + most);
    this.#race.claim(this.#owners, this.#claiming, from, to);
    this.#rank = to;
    if (to === all) {
      this.#claiming++;
      this.#rank = 0;
    }
    return to - from + 1;
  }

  #settleAll(doubtful: ReadonlySet<number>): void {
    const flags = new Uint8Array(this.#endpoints.length);
    for (const member of doubtful) flags[member] = 1;
    const owners = this.#owners;
    for (let slot = 0; slot < owners.length; slot++) if (flags[owners[slot]!] === 1) this.#settle(slot);
  }

  #settle(slot: number): void {
    const winner = this.#race.winner(slot, this.#endpoints.length - 1);
    this.#owners[slot] = winner;
    if (winner > 0) this.#end = Math.max(this.#end, this.#race.timeOf(winner, slot));
  }
}
