import type { Excluded } from '../../balancer/balancer.ts';
import type { Endpoint } from '../../endpoint.ts';
import type { Snapshot } from '../../snapshot.ts';

/** Counts what is read. */
export class Meter {
  reads = 0;

  /** The same object, with each reading of a property counted. */
  watch<T extends object>(object: T): T {
    return new Proxy(object, {
      get: (target, property) => {
        this.reads++;
        return Reflect.get(target, property, target);
      },
      set: (target, property, value) => {
        this.reads++;
        return Reflect.set(target, property, value, target);
      },
    });
  }

  snapshot({ version, endpoints, addresses }: Snapshot): Snapshot {
    return {
      version,
      endpoints: this.watch(endpoints.map((endpoint) => this.watch(endpoint))),
      addresses: this.watch(addresses.map((address) => this.watch(address))),
    };
  }

  excluding(endpoints: readonly Endpoint[]): Excluded {
    const excluded = new Set(endpoints);
    return this.watch<Excluded>({ size: excluded.size, has: (endpoint) => excluded.has(endpoint) });
  }

  /** The most that one of `times` calls of `work` reads; it ends with the first above `limit`. */
  most(times: number, limit: number, work: () => void): number {
    let most = 0;
    for (let i = 0; i < times && most <= limit; i++) {
      this.reads = 0;
      work();
      most = Math.max(most, this.reads);
    }
    return most;
  }
}
