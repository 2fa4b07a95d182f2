/**
 * The loops that are timed, written out once per kind of thing, not once for all: a process measures one class of each kind, so
 * each call site sees one class only, as in a program that uses one strategy. Each touches the endpoint it was given (`port`), so
 * that nobody can hand out an object without fetching it from memory. The sum is kept within 32 bits: a larger one is a number on
 * the heap wherever the code is not optimized yet.
 */
import type { Balancer } from '../../src/balancer/balancer.ts';
import { murmur3, scatter } from '../../src/balancer/key-hash.ts';
import type { Endpoint } from '../../src/endpoint.ts';
import type { Service } from '../../src/service.ts';
import type { Snapshot } from '../../src/snapshot.ts';
import type { Contender } from '../contenders/contender.ts';
import { Floor } from '../contenders/floor.ts';
import { keys, outcomes } from './fleet.ts';
import type { Loop } from './timing.ts';

const keyMask = keys.length - 1;

export function floorLoop({ endpoints }: Snapshot): Loop {
  const floor = new Floor(endpoints);
  return (times) => {
    let sum = 0;
    for (let i = 0; i < times; i++) sum = (sum + floor.pick()!.port) | 0;
    return sum;
  };
}

export function pickLoop(balancer: Balancer, keyed: boolean): Loop {
  if (keyed) {
    return (times) => {
      let sum = 0;
      for (let i = 0; i < times; i++) sum = (sum + balancer.pick(keys[i & keyMask])!.port) | 0;
      return sum;
    };
  }
  return (times) => {
    let sum = 0;
    for (let i = 0; i < times; i++) sum = (sum + balancer.pick()!.port) | 0;
    return sum;
  };
}

/** A pick that counts as being in flight, for ever. */
export function countedLoop(balancer: Balancer): Loop {
  return (times) => {
    let sum = 0;
    for (let i = 0; i < times; i++) {
      const endpoint = balancer.pick()!;
      endpoint.inFlight++;
      balancer.started?.(endpoint);
      sum = (sum + endpoint.port) | 0;
    }
    return sum;
  };
}

/** Only the hash of the key, as consistent-hash does it. */
export function hashLoop(): Loop {
  return (times) => {
    let sum = 1;
    for (let i = 0; i < times; i++) sum = (sum + scatter(murmur3(keys[i & keyMask]!))) | 0;
    return sum || 1;
  };
}

export function contenderLoop(contender: Contender, keyed: boolean): Loop {
  if (keyed) {
    return (times) => {
      let sum = 0;
      for (let i = 0; i < times; i++) sum = (sum + contender.pick(keys[i & keyMask])!.port) | 0;
      return sum;
    };
  }
  return (times) => {
    let sum = 0;
    for (let i = 0; i < times; i++) sum = (sum + contender.pick()!.port) | 0;
    return sum;
  };
}

export function servicePickLoop(service: Service, keyed: boolean): Loop {
  if (keyed) {
    return (times) => {
      let sum = 0;
      for (let i = 0; i < times; i++) sum = (sum + service.pick(keys[i & keyMask]).port) | 0;
      return sum;
    };
  }
  return (times) => {
    let sum = 0;
    for (let i = 0; i < times; i++) sum = (sum + service.pick().port) | 0;
    return sum;
  };
}

/** acquire + release. With a key the caller's options object is one of the caller's, used again for each call. */
export function leaseLoop(service: Service, keyed: boolean): Loop {
  const options = keys.map((key) => ({ key }));
  if (keyed) {
    return (times) => {
      let sum = 0;
      for (let i = 0; i < times; i++) {
        const lease = service.acquire(options[i & keyMask]);
        sum = (sum + lease.endpoint.port) | 0;
        lease.release();
      }
      return sum;
    };
  }
  return (times) => {
    let sum = 0;
    for (let i = 0; i < times; i++) {
      const lease = service.acquire();
      sum = (sum + lease.endpoint.port) | 0;
      lease.release();
    }
    return sum;
  };
}

/**
 * Requests under way, 1…2 per endpoint on average: each turn ends one of them, whichever chance says, and begins another. The same around
 * the floor costs what the bookkeeping costs.
 */
export function turnoverLoop(balancer: Balancer, keyed: boolean, size: number): Loop {
  const under = underWay(size, (i) => {
    const endpoint = balancer.pick(keys[i & keyMask])!;
    endpoint.inFlight++;
    balancer.started?.(endpoint);
    return endpoint;
  });
  const mask = under.length - 1;
  let chance = 1;
  if (keyed) {
    return (times) => {
      let sum = 0;
      for (let i = 0; i < times; i++) {
        chance = (Math.imul(chance, 1_664_525) + 1_013_904_223) | 0;
        const place = (chance >>> 10) & mask;
        const ended = under[place]!;
        ended.inFlight--;
        balancer.finished?.(ended, outcomes[(chance >>> 26) & 63]!);
        const endpoint = balancer.pick(keys[i & keyMask])!;
        endpoint.inFlight++;
        balancer.started?.(endpoint);
        under[place] = endpoint;
        sum = (sum + endpoint.port) | 0;
      }
      return sum;
    };
  }
  return (times) => {
    let sum = 0;
    for (let i = 0; i < times; i++) {
      chance = (Math.imul(chance, 1_664_525) + 1_013_904_223) | 0;
      const place = (chance >>> 10) & mask;
      const ended = under[place]!;
      ended.inFlight--;
      balancer.finished?.(ended, outcomes[(chance >>> 26) & 63]!);
      const endpoint = balancer.pick()!;
      endpoint.inFlight++;
      balancer.started?.(endpoint);
      under[place] = endpoint;
      sum = (sum + endpoint.port) | 0;
    }
    return sum;
  };
}

export function floorTurnoverLoop({ endpoints }: Snapshot): Loop {
  const floor = new Floor(endpoints);
  const under = underWay(endpoints.length, () => floor.pick()!);
  const mask = under.length - 1;
  let chance = 1;
  return (times) => {
    let sum = 0;
    for (let i = 0; i < times; i++) {
      chance = (Math.imul(chance, 1_664_525) + 1_013_904_223) | 0;
      const place = (chance >>> 10) & mask;
      under[place]!.inFlight--;
      const endpoint = floor.pick()!;
      endpoint.inFlight++;
      under[place] = endpoint;
      sum = (sum + endpoint.port) | 0;
    }
    return sum;
  };
}

/** A power of two of them, so that a mask finds one. */
function underWay(size: number, begin: (i: number) => Endpoint): Endpoint[] {
  return Array.from({ length: 2 ** Math.ceil(Math.log2(size)) }, (_, i) => begin(i));
}
