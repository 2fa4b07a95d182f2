import type { Socket } from 'node:net';
import type { Excluded, Outcome } from '../../balancer/balancer.ts';
import type { Clock } from '../../clock.ts';
import type { Endpoint } from '../../endpoint.ts';
import { NoEndpointsError, OverloadedError } from '../../errors.ts';
import { Lease, type Lessor } from '../../lease.ts';
import { Run } from '../../run.ts';
import type { Service } from '../../service.ts';
import { nothingNew } from '../nothing-new.ts';
import { releaseWhenClosed } from './hold.ts';
import type { ConnectOptions } from './options.ts';

/**
 * Connects to one endpoint. Rejects where it has to be another; throws at once where the caller's options are wrong, which no other
 * endpoint would mend. After `signal` aborts, nothing of the attempt is left.
 */
export type Open<S extends Socket> = (endpoint: Endpoint, signal: AbortSignal) => Promise<S>;

export type DialOptions = Omit<ConnectOptions, 'tls' | 'serverName'>;

const mostOthers = 3;

/** Connects to an endpoint, the next where that fails, by the rules of `service.run()`. The socket is in flight until it closes. */
export function dial<S extends Socket>(
  clock: Clock,
  service: Service,
  open: Open<S>,
  options: DialOptions,
): Promise<S> {
  service.adapt();
  return new Dial(service, open).socket(clock, options);
}

/**
 * A run whose leases are not over when its work is. How connecting went is reported at once and not by the release: a trial of an
 * ejected endpoint must not last as long as a connection to a database does, and hours in a pool are nobody's response time.
 */
class Dial<S extends Socket> implements Lessor {
  readonly #service: Service;
  readonly #open: Open<S>;
  #nobody: Error | undefined;
  /** Of the attempt under way. */
  #lease: Lease | undefined;
  #socket: S | undefined;
  /** What went wrong is the caller's doing. */
  #mistaken = false;

  constructor(service: Service, open: Open<S>) {
    this.#service = service;
    this.#open = open;
  }

  async socket(clock: Clock, { connectTimeout = 2_000, retries, ...rest }: DialOptions): Promise<S> {
    const service = this.#service;
    const run = new Run<S>(
      {
        service: service.name,
        clock,
        budget: service.retryBudget,
        first: service.endpoints.length > 0 ? undefined : (signal) => service.ready({ signal }),
        acquire: (key, exclude) => this.#acquire(key, exclude),
        nobody: () => this.#nobody!,
      },
      (endpoint, { signal }) => this.#attempt(endpoint, signal),
      {
        ...rest,
        attemptTimeout: connectTimeout,
        // How many others there are shows when the list has come.
        get retries() {
          return retries ?? Math.min(Math.max(service.endpoints.length - 1, 0), mostOthers);
        },
        retryOn: () => !this.#mistaken,
      },
    );
    return run.result();
  }

  #acquire(key: string | undefined, exclude: Excluded | undefined): Lease | undefined {
    try {
      const lease = this.#service.acquire({
        ...(key !== undefined && { key }),
        ...(exclude !== undefined && { exclude }),
      });
      this.#lease = lease;
      this.#socket = undefined;
      return new Lease(lease.endpoint, this);
    } catch (error) {
      if (!(error instanceof NoEndpointsError || error instanceof OverloadedError)) throw error;
      this.#nobody = error;
      return undefined;
    }
  }

  async #attempt(endpoint: Endpoint, signal: AbortSignal): Promise<S> {
    let opening: Promise<S>;
    try {
      opening = this.#open(endpoint, signal);
    } catch (error) {
      this.#mistaken = true;
      throw error;
    }
    const socket = await opening;
    if (signal.aborted) socket.destroy();
    else this.#socket = socket;
    return socket;
  }

  /** @internal See Lessor. */
  started(): number {
    return -1;
  }

  /** @internal See Lessor: the run is done with an attempt. */
  ended(_attempt: Lease, outcome: Outcome = nothingNew): void {
    const lease = this.#lease!;
    if (outcome.ok) {
      this.#service.report(lease.endpoint, outcome);
      releaseWhenClosed(this.#socket!, lease);
    } else if (this.#mistaken || outcome.aborted === true) {
      this.#socket?.destroy();
      lease.release({ ...outcome, aborted: true });
    } else {
      // First the report: from who is ejected by it, the release is not taken for news.
      this.#service.report(lease.endpoint, outcome);
      lease.release(nothingNew);
    }
  }
}
