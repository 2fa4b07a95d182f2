/** What came back for one request. */
export interface Reply {
  readonly status: number;
  /** Which instance said it. */
  readonly instance: string;
}

export interface Sample {
  /** Milliseconds on performance.now(): when it was to be sent, was sent, and had its answer to the last byte. */
  readonly due: number;
  readonly sent: number;
  readonly ended: number;
  readonly reply?: Reply;
  readonly error?: unknown;
}

/** How late after it is due a request may be waited for. */
const longest = 30_000;

/**
 * Open loop: request after request at its time, whether those before it were answered or not, as users who do not know of each other
 * send them. A closed loop would send less just when something is slow.
 */
export class Load {
  readonly samples: Sample[] = [];
  readonly #send: (n: number) => Promise<Reply>;
  readonly #interval: number;
  readonly #begun = performance.now();
  readonly #underWay = new Set<Promise<void>>();
  #sent = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param perSecond requests. */
  constructor(perSecond: number, send: (n: number) => Promise<Reply>) {
    this.#interval = 1_000 / perSecond;
    this.#send = send;
    this.#run();
  }

  /** Requests that have no answer yet. */
  get underWay(): number {
    return this.#underWay.size;
  }

  /** Sends no more and waits for what is under way. */
  async stop(): Promise<readonly Sample[]> {
    clearTimeout(this.#timer);
    let late: NodeJS.Timeout | undefined;
    const tooLate = new Promise<never>((_, reject) => {
      late = setTimeout(
        () => reject(new Error(`${this.underWay} requests without an answer after ${longest} ms`)),
        longest,
      );
    });
    await Promise.race([Promise.all(this.#underWay), tooLate]).finally(() => clearTimeout(late));
    return this.samples;
  }

  #run(): void {
    const due = () => this.#begun + this.#sent * this.#interval;
    // Timers come late: what is due by then is sent at once.
    while (due() <= performance.now()) this.#one(due());
    this.#timer = setTimeout(() => this.#run(), Math.max(0, due() - performance.now()));
  }

  #one(due: number): void {
    const sent = performance.now();
    const note = (rest: Pick<Sample, 'reply' | 'error'>) => {
      this.samples.push({ due, sent, ended: performance.now(), ...rest });
    };
    const request = this.#send(this.#sent++)
      .then((reply) => note({ reply }))
      .catch((error: unknown) => note({ error }))
      .finally(() => this.#underWay.delete(request));
    this.#underWay.add(request);
  }
}
