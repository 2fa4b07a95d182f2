/**
 * Which ids a socket has carried: one bit for each of the 65 536.
 *
 * It tells a late or repeated reply (its id was ours once) from a guess, however slow the server is; and since no id is used twice on
 * a socket, a late reply never meets a newer question.
 */
export class UsedIds {
  readonly #bits = new Uint8Array(8_192);
  #count = 0;

  has(id: number): boolean {
    return ((this.#bits[id >> 3]! >> (id & 7)) & 1) === 1;
  }

  add(id: number): void {
    // Far beyond the life of a socket; without it the search for a free id would not end one day.
    if (++this.#count > 0x8000) {
      this.#bits.fill(0);
      this.#count = 1;
    }
    this.#bits[id >> 3]! |= 1 << (id & 7);
  }
}
