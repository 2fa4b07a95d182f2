import { orAbort } from '../abort.ts';
import type { Clock, TimerHandle } from '../clock.ts';
import type { Endpoint } from '../endpoint.ts';
import type { Random } from '../random.ts';
import { httpProbe } from './http.ts';
import type { Probe, ProbeOption, Prober, ProberOptions } from './probe.ts';
import { registeredCheckProbe } from './registered-check.ts';
import { tcpProbe } from './tcp.ts';

/** However it is asked for: probes are for finding out, not for load. In ms. */
const shortestInterval = 1_000;

interface Subject {
  readonly endpoint: Endpoint;
  /** When it is to be measured next, in the clock's time. */
  due: number;
  running: AbortController | undefined;
}

/**
 * Measures each endpoint every `interval`, at most `concurrency` at once, with one timer for all of them. An endpoint that
 * comes back soon after it left is not measured again before its interval is over.
 */
export class IntervalProber implements Prober {
  readonly #options: ProberOptions;
  readonly #probe: Probe;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #subjects = new Map<Endpoint, Subject>();
  /** Due and waiting for their turn, and not yet due (roughly in the order of their rounds, so that only the first is looked at). */
  readonly #ready = new Set<Subject>();
  readonly #resting = new Set<Subject>();
  /** When endpoints that left were last measured; weak, so that they can be forgotten. */
  readonly #lastMeasured = new WeakMap<Endpoint, number>();
  #running = 0;
  #timer: TimerHandle | undefined;
  #stopped = false;
  #closed = false;

  constructor(options: ProberOptions, clock: Clock, random: Random) {
    this.#options = { ...options, interval: Math.max(options.interval, shortestInterval) };
    this.#probe = probeFrom(options.probe);
    this.#clock = clock;
    this.#random = random;
  }

  update(endpoints: readonly Endpoint[]): void {
    const listed = new Set(endpoints);
    for (const [endpoint, subject] of this.#subjects) {
      if (listed.has(endpoint)) continue;
      this.#subjects.delete(endpoint);
      this.#ready.delete(subject);
      this.#resting.delete(subject);
      subject.running?.abort();
    }
    const now = this.#clock.now();
    for (const endpoint of endpoints) {
      if (this.#subjects.has(endpoint)) continue;
      const last = this.#lastMeasured.get(endpoint);
      const due = last === undefined ? now : last + this.#options.interval;
      const subject: Subject = { endpoint, due, running: undefined };
      this.#subjects.set(endpoint, subject);
      (due <= now ? this.#ready : this.#resting).add(subject);
    }
    this.#run();
  }

  idle(idle: boolean): void {
    this.#stopped = idle;
    if (idle) this.#clock.clearTimeout(this.#timer);
    this.#run();
  }

  close(): void {
    this.#closed = true;
    this.#stopped = true;
    this.#clock.clearTimeout(this.#timer);
    for (const { running } of this.#subjects.values()) running?.abort();
    this.#subjects.clear();
    this.#ready.clear();
    this.#resting.clear();
  }

  /** Starts what is due and may start, and arms the timer for what is due next. */
  #run(): void {
    if (this.#stopped) return;
    this.#clock.clearTimeout(this.#timer);
    const now = this.#clock.now();
    for (const subject of this.#resting) {
      if (subject.due > now) {
        this.#timer = this.#clock.setTimeout(() => this.#run(), subject.due - now);
        break;
      }
      this.#resting.delete(subject);
      this.#ready.add(subject);
    }
    for (const subject of this.#ready) {
      // The end of a running probe comes back here.
      if (this.#running >= this.#options.concurrency) break;
      this.#ready.delete(subject);
      void this.#measure(subject);
    }
  }

  async #measure(subject: Subject): Promise<void> {
    const { endpoint } = subject;
    const { timeout, interval, smoothing, onMeasured } = this.#options;
    const controller = new AbortController();
    const timer = this.#clock.setTimeout(
      () => controller.abort(new Error(`no answer in ${timeout} ms`)),
      timeout,
    );
    subject.running = controller;
    this.#running++;
    const started = this.#clock.now();
    this.#lastMeasured.set(endpoint, started);
    let sample: number | undefined;
    try {
      // A user's probe may ignore its signal; the prober does not wait for it.
      sample = await orAbort(this.#probe(endpoint, controller.signal), controller.signal);
    } catch {
      sample = undefined;
    }
    this.#clock.clearTimeout(timer);
    this.#running--;
    subject.running = undefined;
    // Spread, so that a fleet of clients does not probe in step.
    subject.due = started + interval * (1 + 0.1 * this.#random.fraction());
    if (this.#closed) return;
    if (this.#subjects.get(endpoint) === subject) {
      this.#resting.add(subject);
      endpoint.latency = movingAverage(endpoint.latency, sample, smoothing);
      onMeasured(endpoint);
    }
    this.#run();
  }
}

function movingAverage(average: number | undefined, sample: number | undefined, share: number): number {
  // Anything but a time is a failure of the probe; after one, the old average says nothing about the endpoint that returns.
  if (sample === undefined || !Number.isFinite(sample) || sample < 0) return Number.POSITIVE_INFINITY;
  return average === undefined || average === Number.POSITIVE_INFINITY
    ? sample
    : average + share * (sample - average);
}

function probeFrom(option: ProbeOption): Probe {
  if (typeof option === 'function') return option;
  if (option === 'check') return registeredCheckProbe;
  return option === 'tcp' ? tcpProbe : httpProbe(option);
}
