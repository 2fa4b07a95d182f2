import type { TimerHandle } from '../clock.ts';
import type { Endpoint } from '../endpoint.ts';
import type { ProbeOption, Prober } from '../health/probe.ts';
import type { Snapshot } from '../snapshot.ts';
import type { Balancer, BalancerContext, BalancerDescription, Excluded } from './balancer.ts';
import { drawOpen } from './exclusion.ts';
import { Rotation } from './rotation.ts';

export interface FastestOptions {
  /**
   * What to measure: `'tcp'` connect time (default), `{ http: '/path' }`, `'check'` (the health URL that Consul knows, with the source
   * `consulHttp`), or a function of your own.
   */
  readonly probe?: ProbeOption;
  /** Between two measurements of an endpoint, at least 1 000 ms. Default 5 000. */
  readonly interval?: number;
  /** After so many ms a probe has failed. Default 1 000. */
  readonly timeout?: number;
  /** Endpoints this share slower than the best still take part, 0…10. Default 0.25. */
  readonly tolerance?: number;
  /** Those within so many ms of the best take part anyway: below that, differences are noise. Default 1. */
  readonly margin?: number;
  /** Probes under way at once, 1…64. Default 4. */
  readonly concurrency?: number;
  /** Share of the newest sample in the moving average, in (0, 1]. Default 0.3. */
  readonly smoothing?: number;
}

/**
 * The endpoints that answer fastest, by turns: all within a tolerance of the best, so that one instance is not flooded. A prober
 * measures in the background; while nothing is measured it is round-robin over all. Ignores weights; needs no leases.
 * pick() is O(1).
 */
export function fastest(options: FastestOptions = {}): BalancerDescription {
  return { name: 'fastest', ...options };
}

/** Results come one by one; the set is worked out once for all that came within this time. */
const settling = 20;

export class Fastest implements Balancer {
  readonly #context: BalancerContext;
  readonly #options: Required<FastestOptions>;
  readonly #prober: Prober;
  /** Of the fast ones, or of all. */
  readonly #rotation: Rotation;
  #all: readonly Endpoint[] = [];
  #timer: TimerHandle | undefined;

  constructor(context: BalancerContext, options: FastestOptions = {}) {
    this.#context = context;
    this.#rotation = new Rotation(context.random);
    this.#options = {
      probe: 'tcp',
      interval: 5_000,
      timeout: 1_000,
      tolerance: 0.25,
      margin: 1,
      concurrency: 4,
      smoothing: 0.3,
      ...options,
    };
    this.#prober = context.prober({ ...this.#options, onMeasured: () => this.#measured() });
  }

  update({ endpoints }: Snapshot): void {
    this.#all = endpoints;
    this.#choose();
    this.#prober.update(endpoints);
  }

  pick(_key?: string, exclude?: Excluded): Endpoint | undefined {
    if (exclude === undefined) return this.#rotation.next();
    return this.#rotation.nextExcept(exclude) ?? this.#drawSlow(exclude);
  }

  /** O(|exclude|). */
  #drawSlow(exclude: Excluded): Endpoint | undefined {
    const { random } = this.#context;
    return drawOpen(this.#all, undefined, exclude, random.next() | 0, random.next() | 0);
  }

  idle(idle: boolean): void {
    this.#prober.idle(idle);
  }

  close(): void {
    this.#context.clock.clearTimeout(this.#timer);
    this.#prober.close();
  }

  #measured(): void {
    this.#timer ??= this.#context.clock.setTimeout(() => {
      this.#timer = undefined;
      this.#choose();
    }, settling);
  }

  #choose(): void {
    let best = Number.POSITIVE_INFINITY;
    for (const { latency = best } of this.#all) best = Math.min(best, latency);
    const limit = Math.max(best * (1 + this.#options.tolerance), best + this.#options.margin);
    const measured = best < Number.POSITIVE_INFINITY;
    const fast = this.#all.filter(({ latency }) => measured && latency !== undefined && latency <= limit);
    this.#rotation.update(fast.length > 0 ? fast : this.#all);
  }
}
