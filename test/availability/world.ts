import {
  Availability,
  type AvailabilityOptions,
  checkOutlier,
  checkPriorities,
  checkSlowStart,
  type OutlierOptions,
  type PrioritiesOptions,
  type SlowStartOptions,
} from '../../src/availability/availability.ts';
import type { Outcome } from '../../src/balancer/balancer.ts';
import type { Endpoint } from '../../src/endpoint.ts';
import { createRandom, type Random } from '../../src/random.ts';
import type { Address } from '../../src/resolver/resolver.ts';
import type { Snapshot } from '../../src/snapshot.ts';
import { createFakeClock } from '../../src/testing/fake-clock.ts';
import { address, letterOf, lists } from '../lists.ts';

export interface WorldOptions {
  priorities?: boolean | PrioritiesOptions;
  outlier?: boolean | OutlierOptions;
  slowStart?: boolean | number | SlowStartOptions;
  maxInFlight?: number;
  random?: Random;
}

/** No jitter, and turns that begin at the first. */
const still: Random = { next: () => 0, below: () => 0, fraction: () => 0 };

export function completed({
  priorities = true,
  outlier = false,
  slowStart = false,
  maxInFlight,
}: WorldOptions) {
  return {
    priorities: checkPriorities(priorities, 'priorities'),
    outlier: checkOutlier(outlier, 'outlier'),
    slowStart: checkSlowStart(slowStart, 'slowStart'),
    maxInFlight,
  } satisfies AvailabilityOptions;
}

/** An availability with a fake clock, where endpoints are letters: `a` is 10.0.0.1:80. */
export function world(options: WorldOptions = {}) {
  const clock = createFakeClock();
  const next = lists(clock);
  const applied: Snapshot[] = [];
  const known = new Map<string, Endpoint>();
  let list: Snapshot | undefined;
  const availability = new Availability({
    clock,
    random: options.random ?? still,
    options: completed(options),
    apply: (snapshot) => applied.push(snapshot),
  });
  const endpoint = (letter: string) => known.get(letter)!;
  const update = (wanted: string | readonly Address[]): Snapshot => {
    list = next(typeof wanted === 'string' ? [...wanted].map((letter) => address(letter)) : wanted);
    for (const listed of list.endpoints) known.set(letterOf(listed.host), listed);
    availability.update(list);
    return list;
  };
  /** A lease; call it with the outcome. */
  const lease = (letter: string) => {
    const leased = endpoint(letter);
    leased.inFlight++;
    availability.started(leased);
    return (outcome: Outcome) => {
      leased.inFlight--;
      availability.finished(leased, outcome);
    };
  };
  const request = (letter: string, outcome: Outcome, times = 1) => {
    for (let i = 0; i < times; i++) lease(letter)(outcome);
  };
  return {
    clock,
    availability,
    applied,
    update,
    endpoint,
    lease,
    fail: (letter: string, times = 1) => request(letter, { ok: false }, times),
    succeed: (letter: string, times = 1) => request(letter, { ok: true }, times),
    report: (letter: string, outcome: Outcome) => availability.reported(endpoint(letter), outcome),
    get newest() {
      return applied.at(-1);
    },
    /** What the balancer has, as letters. */
    get available() {
      return lettersOf(applied.at(-1)?.endpoints ?? []);
    },
    get weights() {
      return applied.at(-1)?.addresses.map(({ weight }) => weight);
    },
    get ejected() {
      return lettersOf((list?.endpoints ?? []).filter((listed) => availability.isEjected(listed)));
    },
    get excluded() {
      return lettersOf([...known.values()].filter((one) => availability.excluded?.has(one)));
    },
    /** `count` spares in a row, as letters. */
    spares: (count: number, exclude = '') => {
      const set = new Set([...exclude].map(endpoint));
      return Array.from({ length: count }, () => letterOf(availability.spare(set)?.host)).join('');
    },
  };
}

export function lettersOf(endpoints: readonly Endpoint[]): string {
  return endpoints
    .map(({ host }) => letterOf(host))
    .sort()
    .join('');
}

export const seeded = createRandom;
export { address };
