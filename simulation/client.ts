import type { BalancerOption } from '../src/balancer/balancer.ts';
import { checkBalancer, createBalancer } from '../src/balancer/index.ts';
import type { Clock } from '../src/clock.ts';
import type { CoarseClock } from '../src/coarse-clock.ts';
import { type DiscoveryWarning, Warnings } from '../src/diagnostics.ts';
import type { Endpoint } from '../src/endpoint.ts';
import { createRandom } from '../src/random.ts';
import { RetryBudget } from '../src/retry-budget.ts';
import { Selection } from '../src/selection.ts';
import { type DepartedEndpoints, emptySnapshot, reconcile, type Snapshot } from '../src/snapshot.ts';
import { bareSelection, reportingSelection, type Selects } from './bare-selection.ts';
import { omniscient } from './omniscient.ts';
import { simulatedProber } from './probes.ts';
import type { Contestant } from './scenario.ts';
import type { World } from './world.ts';

export interface Request {
  /** Ms at speed 1. */
  readonly work: number;
  /** A long poll holds no slot. */
  readonly poll: boolean;
  readonly key: string;
}

export interface ClientSetup {
  readonly world: World;
  readonly contestant: Contestant;
  readonly meanWork: number;
  /** Shared by all clients of a world: they differ by what they see, not by their clocks. */
  readonly clock: Clock;
  readonly coarse: CoarseClock;
  readonly seed: number;
  /** Called for every attempt. */
  readonly onSent: (endpoint: Endpoint) => void;
}

/** A balancer that throws is to end the simulation. */
function fail({ message }: DiscoveryWarning): never {
  throw new Error(message);
}

/** Nobody leaves for good. */
const nobody: DepartedEndpoints = { take: () => undefined, put: () => {} };

/** One program: endpoints and counters of its own, and requests sent as `service.run()` sends them. */
export class Client {
  readonly #setup: ClientSetup;
  readonly #selection: Selects;
  readonly #budget: RetryBudget;
  #snapshot: Snapshot = emptySnapshot;

  constructor(setup: ClientSetup) {
    const { world, contestant, meanWork, clock, coarse, seed } = setup;
    this.#setup = setup;
    const random = createRandom(seed);
    const create = (option: BalancerOption) =>
      createBalancer(option, {
        clock,
        coarse,
        random,
        prober: (options) => simulatedProber(world, meanWork, random, options),
      });
    const option = contestant.balancer === 'omniscient' ? omniscient(world, meanWork) : contestant.balancer;
    this.#selection =
      contestant.availability === undefined
        ? (contestant.reports ? reportingSelection : bareSelection)(create(option))
        : new Selection({
            key: 'web.service.consul',
            clock,
            random,
            warnings: new Warnings(fail),
            availability: contestant.availability,
            leakSampling: 0,
            balancer: checkBalancer(option, 'balancer'),
            createBalancer: create,
          });
    this.#budget = new RetryBudget({ share: 0.2, perSecond: 10, window: 10_000 }, () => clock.now());
    this.discover();
  }

  /** Takes over the list of servers as it is now. */
  discover(): void {
    const { world } = this.#setup;
    this.#snapshot = reconcile(this.#snapshot, world.listedAt(world.events.now), nobody).snapshot;
    this.#selection.update(this.#snapshot);
  }

  /** Sends a request, and again elsewhere where it failed and that is allowed. */
  send(request: Request, done: (ok: boolean) => void): void {
    this.#budget.deposit();
    this.#attempt(
      request,
      this.#selection.pick(request.key),
      this.#setup.contestant.retries ?? 0,
      new Set(),
      done,
    );
  }

  #attempt(
    request: Request,
    endpoint: Endpoint | undefined,
    retries: number,
    tried: Set<Endpoint>,
    done: (ok: boolean) => void,
  ): void {
    if (endpoint === undefined) {
      done(false);
      return;
    }
    const { world, onSent } = this.#setup;
    const begun = world.events.now;
    const lease = this.#selection.lease(endpoint);
    const server = world.serverOf(endpoint);
    const ended = (ok: boolean) => {
      lease.release({ ok, elapsed: world.events.now - begun });
      if (ok || retries === 0 || !this.#budget.withdraw()) {
        done(ok);
        return;
      }
      tried.add(endpoint);
      const other = this.#selection.pick(request.key, tried) ?? this.#selection.pick(request.key);
      this.#attempt(request, other, retries - 1, tried, done);
    };
    onSent(endpoint);
    if (request.poll) server.park(request.work, ended);
    else server.accept(request.work, ended);
  }
}
