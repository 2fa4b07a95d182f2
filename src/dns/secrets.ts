const bytesPerQuery = 34;

/** Randomness fetched for 128 questions at a time: one by one it costs more than the question's encoding. */
export class Secrets {
  readonly #bytes = Buffer.allocUnsafe(bytesPerQuery * 128);
  readonly #fill: (bytes: Uint8Array) => void;
  #used = this.#bytes.length;

  constructor(fill: (bytes: Uint8Array) => void) {
    this.#fill = fill;
  }

  /** 34 bytes, each handed out once: 2 for the id, 32 for the letter case of 253 letters. */
  take(): Buffer {
    if (this.#used === this.#bytes.length) {
      this.#fill(this.#bytes);
      this.#used = 0;
    }
    const start = this.#used;
    this.#used += bytesPerQuery;
    return this.#bytes.subarray(start, this.#used);
  }
}
