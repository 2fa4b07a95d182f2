import { setMaxListeners } from 'node:events';
import { LRUCache } from 'lru-cache';
import { orAbort } from '../abort.ts';
import { type Check, fields, having, number } from '../checks.ts';
import { type Clock, systemClock } from '../clock.ts';
import { canonicalName, parseServiceName, type ServiceName } from '../dns/name.ts';
import { ClosedError, DnsError, InvalidOptionError, ServiceNotFoundError } from '../errors.ts';
import { keepAliveDuring } from '../keep-alive.ts';
import { createRandom, type Random } from '../random.ts';
import { keptAddresses } from './kept-addresses.ts';
import type { Resolution, ResolveOptions, Resolver } from './resolver.ts';

export interface CachedOptions {
  /** Bounds in ms and the share (0…0.5) by which each TTL is varied. Defaults 5 000, 60 000, 0.1. */
  readonly ttl?: { readonly min?: number; readonly max?: number; readonly jitter?: number };
  /** Names kept; the least recently used go. Default 1 000. */
  readonly max?: number;
  /**
   * How long `resolver` may take for an answer before the question counts as failed, 1… ms; with `after` as long as nothing changes.
   * Default Infinity: no bound.
   */
  readonly timeout?: number;
  readonly clock?: Clock;
  readonly random?: Random;
}

const ttlFields = fields({
  min: number(100, 86_400_000),
  max: number(100, 86_400_000),
  jitter: number(0, 0.5),
});

/** Bounds of TTLs, completed. */
export const checkTtl: Check<{ min: number; max: number; jitter: number }> = (value, path) => {
  const ttl = { min: 5_000, max: 60_000, jitter: 0.1, ...ttlFields(value, path) };
  if (ttl.min > ttl.max)
    throw new InvalidOptionError(`${path}: min (${ttl.min} ms) is above max (${ttl.max} ms).`);
  return ttl;
};

const checkCached = fields({
  ttl: checkTtl,
  max: number(1, 1_000_000, { whole: true }),
  timeout: number(1, Number.POSITIVE_INFINITY),
  clock: having<Clock>('now', 'setTimeout', 'clearTimeout'),
  random: having<Random>('next', 'below', 'fraction'),
});

const checkResolver = having<Resolver>('resolve');

/** Node's timers go no further. */
const longestTimer = 2 ** 31 - 1;

interface Entry {
  readonly resolution: Resolution;
  /** In the clock's time: when the source said so, and until when it may be used. */
  readonly from: number;
  readonly until: number;
}

interface Flight {
  readonly result: Promise<Resolution>;
  waiters: number;
  /** Gives the question up: who still waits is rejected with `reason`. */
  readonly end: (reason: unknown) => void;
}

/**
 * Remembers what `resolver` said for as long as it may be used, and lets one question serve all who ask at the same time.
 *
 * The TTL is clamped (Consul's own default is 0) and varied, so that a fleet started together does not ask together. A hit
 * carries the time that is left. Failures are not remembered. A waiter that aborts leaves alone; the question is given up
 * only when nobody waits any more. Closing it closes `resolver`.
 *
 * @throws InvalidOptionError
 */
export function cached(resolver: Resolver, options: CachedOptions = {}): Resolver {
  checkResolver(resolver, 'cached');
  const { ttl = checkTtl({}, 'ttl'), max: names = 1_000, ...given } = checkCached(options, 'cached');
  const { min, max, jitter } = ttl;
  const { timeout = Number.POSITIVE_INFINITY, clock = systemClock, random = createRandom() } = given;
  let closed = false;
  const entries = new LRUCache<string, Entry>({
    // A bound by size where every entry has size 1: a bound by number would allocate all its places now.
    maxSize: names,
    sizeCalculation: () => 1,
    ttl: max,
    perf: clock,
    ttlResolution: 0,
  });
  const flights = new Map<string, Flight>();

  const remember = (key: string, resolution: Resolution): Resolution => {
    if (!Array.isArray(resolution?.addresses)) {
      throw new InvalidOptionError('source: resolve() must answer { addresses: [...], ttl, complete }.');
    }
    // A resolver of somebody's own may say nothing of use.
    const said = Number.isNaN(Number(resolution.ttl)) ? 0 : Number(resolution.ttl);
    const clamped = Math.min(Math.max(said, min), max);
    const before = entries.peek(key, { allowStale: true })?.resolution.addresses ?? [];
    const lasting: Resolution = {
      ...resolution,
      addresses: keptAddresses(before, resolution.addresses),
      // Never 0: lru-cache takes that for "for ever".
      ttl: Math.max(1, clamped * (1 + jitter * (2 * random.fraction() - 1))),
    };
    const { ttl, age = 0 } = lasting;
    const now = clock.now();
    entries.set(key, { resolution: lasting, from: now - age, until: now + ttl }, { ttl });
    return lasting;
  };

  /** What was known of a name whose newest answer is that there is nothing must not come back from memory. */
  const forget = (key: string, error: unknown): void => {
    if (error instanceof ServiceNotFoundError) entries.delete(key);
  };

  const takeOff = (
    key: string,
    flightKey: string,
    name: ServiceName,
    { after, continued }: Pick<ResolveOptions, 'after' | 'continued'>,
    mayBeLeft: boolean,
  ): Flight => {
    const isBounded = after === undefined && timeout <= longestTimer;
    // Where the first waiter has no signal, it stays: then nothing but close() ends the question early.
    const controller = mayBeLeft || isBounded ? new AbortController() : undefined;
    // A lookup may ask many questions at once, each of which listens.
    if (controller !== undefined) setMaxListeners(0, controller.signal);
    let reject: (reason: unknown) => void = () => {};
    // What comes after that may be older than what somebody else has been told since.
    let givenUp = false;
    const result = new Promise<Resolution>((resolve, rejected) => {
      reject = rejected;
      // The waiters hold the process, each for as long as it waits.
      resolver
        // Field by field: a spread here takes 4 µs of each lookup.
        .resolve(name, { after, continued, signal: controller?.signal, fresh: true, background: true })
        .then((resolution) => {
          if (!givenUp) resolve(remember(key, resolution));
        })
        .catch((error) => {
          if (!givenUp) forget(key, error);
          rejected(error);
        });
    });
    const end = (reason: unknown) => {
      givenUp = true;
      controller?.abort(reason);
      // A resolver that ignores its signal must not keep those waiting who were told to go.
      reject(reason);
    };
    const tooLate = () =>
      end(new DnsError('ERR_DNS_TIMEOUT', `No answer within ${timeout} ms; no longer waited for.`, []));
    const timer = isBounded ? clock.setTimeout(tooLate, timeout) : undefined;
    const flight: Flight = { result, waiters: 0, end };
    const land = () => {
      clock.clearTimeout(timer);
      if (flights.get(flightKey) === flight) flights.delete(flightKey);
    };
    result.then(land, land);
    flights.set(flightKey, flight);
    return flight;
  };

  const join = async (flight: Flight, key: string, signal: AbortSignal | undefined): Promise<Resolution> => {
    flight.waiters++;
    try {
      return await orAbort(flight.result, signal);
    } finally {
      if (--flight.waiters === 0 && flights.get(key) === flight) {
        flights.delete(key);
        flight.end(signal?.reason);
      }
    }
  };

  return {
    async resolve(
      name: ServiceName,
      { signal, fresh, after, background, continued }: ResolveOptions = {},
    ): Promise<Resolution> {
      if (closed) throw new ClosedError('The resolver was closed.');
      signal?.throwIfAborted();
      const key = canonicalName(typeof name === 'object' && name !== null ? name : parseServiceName(name));
      const hit = fresh || after !== undefined ? undefined : entries.get(key);
      if (hit !== undefined) {
        const now = clock.now();
        // No less than 1 ms: who counts from it must not come to 0.
        return { ...hit.resolution, ttl: Math.max(1, hit.until - now), age: now - hit.from };
      }
      // Questions that wait for a change of different states are different questions.
      const flightKey = after === undefined ? key : `${key} ${after}`;
      const flight =
        flights.get(flightKey) ?? takeOff(key, flightKey, name, { after, continued }, signal !== undefined);
      const work = join(flight, flightKey, signal);
      return background ? work : keepAliveDuring(work);
    },
    async close() {
      closed = true;
      for (const flight of flights.values()) flight.end(new ClosedError('The resolver was closed.'));
      entries.clear();
      await resolver.close?.();
    },
  };
}
