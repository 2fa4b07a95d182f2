/** Slots of a window: what is counted leaves it up to a tenth of the window early. */
export const slots = 10;

/** Requests and failures of the newest ten slots of time. The caller numbers the slots; the numbers never fall. */
export class SlidingCounts {
  /** Of the newest slot; apart from the others, so that a request touches one object. */
  #slot = 0;
  #requests = 0;
  #failures = 0;
  /** Of the slots before, requests in the even places and failures in the odd ones. */
  #past: number[] | undefined;

  /** O(1). */
  add(slot: number, failed: boolean): void {
    if (slot !== this.#slot) this.#advance(slot);
    this.#requests++;
    if (failed) this.#failures++;
  }

  /** How many requests there are in the window that ends with the newest slot, and which share of them failed. */
  total(): { requests: number; share: number } {
    let requests = this.#requests;
    let failures = this.#failures;
    const past = this.#past ?? [];
    for (let place = 0; place < past.length; place += 2) {
      requests += past[place]!;
      failures += past[place + 1]!;
    }
    return { requests, share: requests === 0 ? 0 : failures / requests };
  }

  clear(): void {
    this.#requests = 0;
    this.#failures = 0;
    this.#past = undefined;
  }

  /** Puts the newest slot to the others and empties all that lies between it and `slot`. */
  #advance(slot: number): void {
    if (slot - this.#slot >= slots) this.clear();
    else {
      this.#past ??= new Array(slots * 2).fill(0);
      this.#put(this.#slot, this.#requests, this.#failures);
      for (let passed = this.#slot + 1; passed <= slot; passed++) this.#put(passed, 0, 0);
    }
    this.#slot = slot;
    this.#requests = 0;
    this.#failures = 0;
  }

  #put(slot: number, requests: number, failures: number): void {
    const place = (slot % slots) * 2;
    this.#past![place] = requests;
    this.#past![place + 1] = failures;
  }
}
