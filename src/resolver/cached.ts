import { LRUCache } from 'lru-cache';
import { orAbort } from '../abort.ts';
import { fields, number } from '../checks.ts';
import { type Clock, systemClock } from '../clock.ts';
import { canonicalName, parseServiceName, type ServiceName } from '../dns/name.ts';
import { ClosedError } from '../errors.ts';
import { keepAliveDuring } from '../keep-alive.ts';
import { createRandom, type Random } from '../random.ts';
import type { Resolution, ResolveOptions, Resolver } from './resolver.ts';

export interface CachedOptions {
  /** Bounds in ms and the share (0…0.5) by which each TTL is varied. Defaults 5 000, 60 000, 0.1. */
  readonly ttl?: { readonly min?: number; readonly max?: number; readonly jitter?: number };
  /** Names kept; the least recently used go. Default 1 000. */
  readonly max?: number;
  readonly clock?: Clock;
  readonly random?: Random;
}

export const checkTtl = fields({
  min: number(100, 86_400_000),
  max: number(100, 86_400_000),
  jitter: number(0, 0.5),
});

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
 * only when nobody waits any more.
 */
export function cached(resolver: Resolver, options: CachedOptions = {}): Resolver {
  const { min = 5_000, max = 60_000, jitter = 0.1 } = checkTtl(options.ttl ?? {}, 'cached.ttl');
  const names = number(1, 1_000_000, { whole: true })(options.max ?? 1_000, 'cached.max');
  const { clock = systemClock, random = createRandom() } = options;
  const entries = new LRUCache<string, { resolution: Resolution; expires: number }>({
    // A bound by size where every entry has size 1: a bound by number would allocate all its places now.
    maxSize: names,
    sizeCalculation: () => 1,
    ttl: max,
    perf: clock,
    ttlResolution: 0,
  });
  const flights = new Map<string, Flight>();

  const remember = (key: string, resolution: Resolution): Resolution => {
    // A resolver of somebody's own may say nothing of use.
    const said = Number.isNaN(Number(resolution.ttl)) ? 0 : resolution.ttl;
    const clamped = Math.min(Math.max(said, min), max);
    // Never 0: lru-cache takes that for "for ever".
    const ttl = Math.max(1, clamped * (1 + jitter * (2 * random.fraction() - 1)));
    const lasting = { ...resolution, ttl };
    entries.set(key, { resolution: lasting, expires: clock.now() + ttl }, { ttl });
    return lasting;
  };

  const takeOff = (key: string, name: ServiceName, after: string | undefined, mayBeLeft: boolean): Flight => {
    // Where the first waiter has no signal, it stays: then nothing but close() ends the question early.
    const controller = mayBeLeft ? new AbortController() : undefined;
    let reject: (reason: unknown) => void = () => {};
    const result = new Promise<Resolution>((resolve, rejected) => {
      reject = rejected;
      // The waiters hold the process, each for as long as it waits.
      resolver
        .resolve(name, { signal: controller?.signal, fresh: true, after, background: true })
        .then((resolution) => resolve(remember(key, resolution)), rejected);
    });
    const end = (reason: unknown) => {
      controller?.abort(reason);
      // A resolver that ignores its signal must not keep those waiting who were told to go.
      reject(reason);
    };
    const flight: Flight = { result, waiters: 0, end };
    const land = () => {
      if (flights.get(key) === flight) flights.delete(key);
    };
    result.then(land, land);
    flights.set(key, flight);
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
      { signal, fresh, after, background }: ResolveOptions = {},
    ): Promise<Resolution> {
      signal?.throwIfAborted();
      const key = canonicalName(typeof name === 'object' && name !== null ? name : parseServiceName(name));
      const hit = fresh || after !== undefined ? undefined : entries.get(key);
      if (hit !== undefined) return { ...hit.resolution, ttl: hit.expires - clock.now() };
      // Questions that wait for a change of different states are different questions.
      const flightKey = after === undefined ? key : `${key} ${after}`;
      const flight = flights.get(flightKey) ?? takeOff(flightKey, name, after, signal !== undefined);
      const work = join(flight, flightKey, signal);
      return background ? work : keepAliveDuring(work);
    },
    async close() {
      for (const flight of flights.values()) flight.end(new ClosedError('The resolver was closed.'));
      entries.clear();
      await resolver.close?.();
    },
  };
}
