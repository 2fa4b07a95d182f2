/** Numbers added one by one, sorted once. */
export class Sample {
  #values = new Float64Array(1024);
  #size = 0;
  #sorted = true;

  get size(): number {
    return this.#size;
  }

  add(value: number): void {
    if (this.#size === this.#values.length) {
      const larger = new Float64Array(this.#size * 2);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.#size++] = value;
    this.#sorted = false;
  }

  get mean(): number {
    return this.#values.subarray(0, this.#size).reduce((sum, value) => sum + value, 0) / this.#size;
  }

  /** The value that a share `p` does not exceed (nearest rank); NaN where there is none. */
  quantile(p: number): number {
    const values = this.#values.subarray(0, this.#size);
    if (!this.#sorted) values.sort();
    this.#sorted = true;
    return values[Math.min(this.#size - 1, Math.max(0, Math.ceil(p * this.#size) - 1))] ?? Number.NaN;
  }
}

/** 1: all the same; n: one of n has all. */
export function imbalance(values: readonly number[]): number {
  const sum = values.reduce((all, value) => all + value, 0);
  return sum === 0 ? 1 : (Math.max(...values) * values.length) / sum;
}

/** Arrivals per server in windows of one width: do they come in swarms? */
export class Arrivals {
  readonly #width: number;
  readonly #begin: number;
  readonly #now: Uint32Array;
  readonly #totals: Float64Array;
  readonly #squares: Float64Array;
  #window = 0;
  #windows = 0;
  #peaks = 0;

  constructor(servers: number, width: number, begin: number) {
    this.#width = width;
    this.#begin = begin;
    this.#now = new Uint32Array(servers);
    this.#totals = new Float64Array(servers);
    this.#squares = new Float64Array(servers);
  }

  /** In the order of time, from the begin on. */
  add(server: number, at: number): void {
    const window = Math.floor((at - this.#begin) / this.#width);
    while (this.#window < window) this.#close();
    this.#now[server]!++;
  }

  get perServer(): number[] {
    return Array.from(this.#totals);
  }

  /**
   * Variance over mean of a server's arrivals per window, mean of the servers by their share. 1 is what chance does
   * (Poisson); 0 is a metronome; above 1 arrivals come in swarms.
   */
  get dispersion(): number {
    let sum = 0;
    let weights = 0;
    for (const [server, total] of this.#totals.entries()) {
      const mean = total / this.#windows;
      sum += this.#squares[server]! / this.#windows - mean ** 2;
      weights += mean;
    }
    return weights === 0 ? Number.NaN : sum / weights;
  }

  /** How much of a window's arrivals its busiest server got, times the number of servers; the mean of all windows with arrivals. */
  get peak(): number {
    return this.#peaks / this.#windows;
  }

  #close(): void {
    this.#window++;
    this.#windows++;
    let all = 0;
    let most = 0;
    for (const [server, count] of this.#now.entries()) {
      this.#totals[server]! += count;
      this.#squares[server]! += count ** 2;
      all += count;
      most = Math.max(most, count);
    }
    if (all > 0) this.#peaks += (most * this.#now.length) / all;
    this.#now.fill(0);
  }
}
