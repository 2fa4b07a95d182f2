import type { Clock } from '../src/clock.ts';
import { createRandom } from '../src/random.ts';
import { RefreshBudget } from '../src/refresh-budget.ts';
import { RefreshSchedule } from '../src/refresh-schedule.ts';

/** A clock for tens of thousands of timers: a heap, and no promises in between. */
class TimerHeap implements Clock {
  #now = 0;
  readonly #heap: { at: number; action: (() => void) | undefined }[] = [];

  now(): number {
    return this.#now;
  }

  setTimeout(action: () => void, delay: number): object {
    const timer = { at: this.#now + Math.max(0, delay), action: action as (() => void) | undefined };
    const heap = this.#heap;
    let place = heap.push(timer) - 1;
    for (let parent = (place - 1) >> 1; place > 0 && heap[parent]!.at > timer.at; parent = (place - 1) >> 1) {
      heap[place] = heap[parent]!;
      place = parent;
    }
    heap[place] = timer;
    return timer;
  }

  clearTimeout(handle: object | undefined): void {
    if (handle !== undefined) (handle as { action: undefined }).action = undefined;
  }

  advance(ms: number): void {
    const end = this.#now + ms;
    while (this.#heap.length > 0 && this.#heap[0]!.at <= end) {
      const { at, action } = this.#pop();
      if (action === undefined) continue;
      this.#now = at;
      action();
    }
    this.#now = end;
  }

  #pop() {
    const heap = this.#heap;
    const first = heap[0]!;
    const last = heap.pop()!;
    if (heap.length === 0) return first;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1]!.at < heap[child]!.at) child++;
      if (heap[child]!.at >= last.at) break;
      heap[place] = heap[child]!;
      place = child;
    }
    heap[place] = last;
    return first;
  }
}

export interface FleetOptions {
  readonly size: number;
  readonly ttl: number;
  readonly rate: number;
  readonly seed?: number;
}

/** Many schedules over one budget, as the services of a discovery use them; what they ask is counted. */
export class Fleet {
  readonly clock = new TimerHeap();
  readonly budget: RefreshBudget;
  /** When each service asked, by its number; first questions left out. */
  readonly asked: number[][];
  /** How the world answers: after so many ms, with a list or without. */
  latency = 2;
  answers = true;
  /** Services go to rest at their next due time. */
  inUse = true;
  readonly #schedules: readonly RefreshSchedule[];
  readonly #resting = new Set<number>();
  readonly #options: FleetOptions;

  constructor(options: FleetOptions) {
    const { size, rate, ttl, seed = 1 } = options;
    this.#options = options;
    this.budget = new RefreshBudget(this.clock, rate);
    const random = createRandom(seed);
    this.asked = Array.from({ length: size }, () => []);
    this.#schedules = this.asked.map(
      (_, i) => new RefreshSchedule(this.clock, random, this.budget, ttl, () => this.#due(i)),
    );
  }

  /** The first question of each, all at once. */
  start(): void {
    for (const i of this.asked.keys()) this.#ask(i);
  }

  /** All are used again at the same moment. */
  resume(): void {
    this.inUse = true;
    for (const i of this.#resting) this.#due(i);
    this.#resting.clear();
  }

  get resting(): number {
    return this.#resting.size;
  }

  stop(service: number): void {
    this.#schedules[service]!.stop();
  }

  /** Somebody awaits this service's next list. */
  await(service: number): void {
    this.#ask(service);
  }

  /** Questions in each full second of `from…to`, given in seconds. */
  perSecond(from: number, to: number): number[] {
    const counts = Array.from({ length: to - from }, () => 0);
    for (const times of this.asked) {
      for (const at of times) {
        const second = Math.floor(at / 1_000) - from;
        if (second >= 0 && second < counts.length) counts[second]!++;
      }
    }
    return counts;
  }

  #due(i: number): void {
    if (!this.inUse) {
      this.#resting.add(i);
      return;
    }
    this.#schedules[i]!.inTurn(() => {
      this.asked[i]!.push(this.clock.now());
      this.#ask(i);
    });
  }

  #ask(i: number): void {
    const schedule = this.#schedules[i]!;
    schedule.begin();
    this.clock.setTimeout(() => {
      // The resolution's TTL is varied by a tenth by the cache; that is left out here, which is the harder case.
      if (this.answers) schedule.afterSuccess(this.#options.ttl);
      else schedule.afterFailure();
    }, this.latency);
  }
}
