import type { EventQueue } from './event-queue.ts';

/** What a server is like. */
export interface ServerPlan {
  /** Requests it works on at once; the others wait, first come, first served. */
  readonly slots: number;
  /** 2 is twice as fast as 1. */
  readonly speed: number;
  /** Its SRV weight. Default 1. */
  readonly weight?: number;
  /** Every request fails after so many ms, without a slot: a fast error. */
  readonly failsAfter?: number;
  /** Ms after the begin at which it is listed. Default 0. */
  readonly joins?: number;
  /** For so many ms after it joined its speed rises from `from` times its own to its own: caches and compilers warm up. */
  readonly warmUp?: { readonly length: number; readonly from: number };
}

interface Job {
  /** Ms at speed 1. */
  readonly work: number;
  readonly arrived: number;
  readonly done: (ok: boolean, waited: number) => void;
}

export class Server {
  readonly plan: ServerPlan;
  readonly #events: EventQueue;
  readonly #waiting: Job[] = [];
  /** Those before it are gone: taking from the front of an array costs its length. */
  #head = 0;
  #busy = 0;
  #busyTime = 0;
  #since = 0;

  constructor(plan: ServerPlan, events: EventQueue) {
    this.plan = plan;
    this.#events = events;
  }

  /** Requests it has, waiting or worked on. */
  get present(): number {
    return this.#busy + this.#waiting.length - this.#head;
  }

  /** Slot-milliseconds of work from the begin until now. */
  get busyTime(): number {
    this.#count();
    return this.#busyTime;
  }

  get speed(): number {
    const { speed, joins = 0, warmUp } = this.plan;
    if (warmUp === undefined) return speed;
    const warm = Math.min(1, Math.max(0, this.#events.now - joins) / warmUp.length);
    return speed * (warmUp.from + (1 - warmUp.from) * warm);
  }

  /** What a request of `work` would take on the average, were it sent now: its wait and its own time. */
  expectedDelay(work: number, meanWork: number): number {
    const { slots } = this.plan;
    const ahead = Math.max(0, this.present - slots + 1);
    return (work + (ahead * meanWork) / slots) / this.speed;
  }

  accept(work: number, done: Job['done']): void {
    const { failsAfter, slots } = this.plan;
    if (failsAfter !== undefined) {
      this.#events.schedule(failsAfter, () => done(false, 0));
      return;
    }
    const job = { work, arrived: this.#events.now, done };
    if (this.#busy < slots) this.#begin(job);
    else this.#waiting.push(job);
  }

  /** A request that only waits for something to happen: it holds a connection, not a slot. */
  park(length: number, done: Job['done']): void {
    const { failsAfter } = this.plan;
    this.#events.schedule(failsAfter ?? length, () => done(failsAfter === undefined, 0));
  }

  #begin({ work, arrived, done }: Job): void {
    this.#count();
    this.#busy++;
    const waited = this.#events.now - arrived;
    this.#events.schedule(work / this.speed, () => {
      this.#count();
      this.#busy--;
      const next = this.#waiting[this.#head];
      if (next !== undefined) {
        this.#head++;
        if (this.#head === 1024) {
          this.#waiting.splice(0, this.#head);
          this.#head = 0;
        }
        this.#begin(next);
      }
      done(true, waited);
    });
  }

  #count(): void {
    const { now } = this.#events;
    this.#busyTime += this.#busy * (now - this.#since);
    this.#since = now;
  }
}
