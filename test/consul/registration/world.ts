import { expect, onTestFinished } from 'vitest';
import { ConsulHttp } from '../../../src/consul/http.ts';
import { completeConsul } from '../../../src/consul/options.ts';
import { ConsulRegistry } from '../../../src/consul/registration/consul-registry.ts';
import type { RegistrationWarning } from '../../../src/consul/registration/notices.ts';
import { type ConsulDouble, createConsulDouble } from '../../../src/testing/consul-double.ts';
import { createFakeClock, type FakeClock } from '../../../src/testing/fake-clock.ts';

export interface World {
  readonly double: ConsulDouble;
  readonly clock: FakeClock;
  readonly http: ConsulHttp;
  readonly registry: ConsulRegistry;
  readonly warnings: RegistrationWarning[];
  readonly onWarning: (warning: RegistrationWarning) => void;
  /** What was asked of the agent, in short: `PUT register`, `GET web-1` … */
  asked(): string[];
  /** Lets that much of the clock's time go by, a second at a time, and what begins in it be answered. */
  pass(ms: number): Promise<void>;
}

/** A registry at a double, on one clock that stands still; the sockets between them are real. */
export async function openWorld(
  address?: (double: ConsulDouble) => string | Promise<string>,
): Promise<World> {
  const clock = createFakeClock();
  const double = await createConsulDouble({ clock });
  const target = completeConsul({ address: (await address?.(double)) ?? double.httpAddress, retries: 0 }, {});
  const http = new ConsulHttp(target, clock);
  const registry = new ConsulRegistry(http, target.target);
  onTestFinished(async () => {
    await http.close();
    await double.close();
  });
  const warnings: RegistrationWarning[] = [];
  return {
    double,
    clock,
    http,
    registry,
    warnings,
    onWarning: (warning) => warnings.push(warning),
    asked: () =>
      double.requests.map(({ method, path }) => {
        const [, , , , what, id] = path.split('/');
        return `${method} ${id === undefined || what === 'self' ? what : what === 'deregister' || what === 'maintenance' ? what : id}`;
      }),
    async pass(ms) {
      await quiet(double);
      for (let left = ms; left > 0; left -= 1_000) {
        await clock.advance(Math.min(left, 1_000));
        await quiet(double);
      }
    },
  };
}

/** Until requests that are under way have been answered: no new ones for a while of turns of the event loop. */
async function quiet(double: ConsulDouble): Promise<void> {
  let seen = -1;
  for (let turns = 0; turns < 40; turns++) {
    if (double.requests.length !== seen) {
      seen = double.requests.length;
      turns = 0;
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
}

export const eventually = (look: () => unknown) => expect.poll(look, { timeout: 20_000, interval: 5 });
