import { type Clock, sleep } from '../src/clock.ts';
import { DnsError, ServiceNotFoundError } from '../src/errors.ts';
import type { Resolution, ResolveOptions, Resolver } from '../src/resolver/resolver.ts';
import { address } from './lists.ts';

/** A source that can tell of changes: what it says is what it knew half way between question and answer. */
export class PushingSource implements Resolver {
  /** Letters of addresses; `''` is "nothing there". */
  #list: string;
  #version = 1;
  #wake: (() => void)[] = [];
  readonly #clock: Clock;
  /** Milliseconds from a question to its answer. */
  latency = 0;
  fails = false;
  /** Answers a question for a change at once: with what token? */
  hasty: 'the same' | 'ever new' | undefined;
  readonly asked: { readonly at: number; readonly after: string | undefined }[] = [];
  watches = 0;
  mostWatches = 0;
  ttl = 60_000;

  constructor(clock: Clock, list = 'ab') {
    this.#clock = clock;
    this.#list = list;
  }

  get list(): string {
    return this.#list;
  }

  /** Something happens there; also where the list is the same after it. */
  become(list: string): void {
    this.#list = list;
    this.#version++;
    for (const wake of this.#wake.splice(0)) wake();
  }

  async resolve(_name: unknown, { after, signal }: ResolveOptions = {}): Promise<Resolution> {
    this.asked.push({ at: this.#clock.now(), after });
    if (after !== undefined) {
      this.watches++;
      // Not before those that end at this very moment have ended.
      setImmediate(() => {
        this.mostWatches = Math.max(this.mostWatches, this.watches);
      });
    }
    const left = () => {
      if (after !== undefined) this.watches--;
    };
    // Who was told to go is gone at once.
    signal?.addEventListener('abort', left, { once: true });
    try {
      return await this.#answer(after, signal);
    } finally {
      signal?.removeEventListener('abort', left);
      if (!signal?.aborted) left();
    }
  }

  async #answer(after: string | undefined, signal: AbortSignal | undefined): Promise<Resolution> {
    await this.#pass(signal);
    while (after === String(this.#version) && !this.fails && this.hasty === undefined) {
      await new Promise<void>((resolve, reject) => {
        this.#wake.push(resolve);
        signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
      });
    }
    if (this.hasty === 'ever new') this.#version++;
    const [list, token, fails] = [this.#list, String(this.#version), this.fails];
    await this.#pass(signal);
    if (fails) throw new DnsError('ERR_UNREACHABLE', 'nobody there', []);
    if (list === '') throw new ServiceNotFoundError('nothing there', { token });
    return { addresses: [...list].map((letter) => address(letter)), ttl: this.ttl, complete: true, token };
  }

  async #pass(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    if (this.latency > 0) await sleep(this.#clock, this.latency / 2, signal);
  }

  /** A change of which those who wait are not told, as behind a connection that is broken and does not know it. */
  becomeUnheard(list: string): void {
    this.#list = list;
    this.#version++;
    this.#wake = [];
  }

  /** Those who wait learn of it. */
  breakDown(): void {
    this.fails = true;
    for (const wake of this.#wake.splice(0)) wake();
  }
}
