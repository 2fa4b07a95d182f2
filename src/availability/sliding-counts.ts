/** Slots of a window: what is counted leaves it up to a tenth of the window early. */
export const slots = 10;

/** Requests and failures of the newest ten slots of time. The caller numbers the slots; the numbers never fall. */
export class SlidingCounts {
  /** Requests in the even places, failures in the odd ones. Small integers: counting allocates nothing. */
  readonly #counts: number[] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
  #slot = 0;

  /** O(1). */
  add(slot: number, failed: boolean): void {
    if (slot !== this.#slot) this.#advance(slot);
    const place = (slot % slots) * 2;
    this.#counts[place]!++;
    if (failed) this.#counts[place + 1]!++;
  }

  /** How many requests there are in the window that ends with the newest slot, and which share of them failed. */
  total(): { requests: number; share: number } {
    let requests = 0;
    let failures = 0;
    for (let place = 0; place < slots * 2; place += 2) {
      requests += this.#counts[place]!;
      failures += this.#counts[place + 1]!;
    }
    return { requests, share: requests === 0 ? 0 : failures / requests };
  }

  clear(): void {
    this.#counts.fill(0);
  }

  /** Empties what lies between the newest slot and `slot`. */
  #advance(slot: number): void {
    const from = Math.max(this.#slot + 1, slot - slots + 1);
    for (let passed = from; passed <= slot; passed++) {
      const place = (passed % slots) * 2;
      this.#counts[place] = 0;
      this.#counts[place + 1] = 0;
    }
    this.#slot = slot;
  }
}
