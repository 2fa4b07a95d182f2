import type { Dispatcher, Pool } from 'undici';
import { hostOf } from '../../adapter-host.ts';
import { inWords } from '../../attempts-in-words.ts';
import type { Discovery } from '../../discovery.ts';
import { InvalidOptionError } from '../../errors.ts';
import type { DispatchOptions, Handler } from './dispatch.ts';
import { checkDispatcherOptions, type DispatcherOptions } from './options.ts';
import { peer, type Undici } from './peer.ts';
import { ServicePools } from './service-pools.ts';

/** @internal What `createFetch()` needs beside a dispatcher. */
export interface ReplayingDispatcher extends Dispatcher {
  replaying(options: DispatchOptions, handler: Handler, replay: unknown): boolean;
}

/**
 * A dispatcher of undici that sends what is meant for a service under the discovery's domain straight to one of its endpoints, and all
 * else to `others`: for `fetch(url, { dispatcher })`, for `setGlobalDispatcher()`, for undici's own functions.
 *
 * It owns one pool for each endpoint, scheme and server name, kept over refreshes and drained where an endpoint leaves. `close()` lets
 * requests finish, `destroy()` ends them; closing the discovery closes it.
 *
 * @throws InvalidOptionError; ClosedError; PeerError where undici is missing or cannot work on this Node.
 */
export function createDispatcher(discovery: Discovery, options: DispatcherOptions = {}): Dispatcher {
  return replayingDispatcher(discovery, options, 'createDispatcher');
}

/** @internal @param path for errors. */
export function replayingDispatcher(
  discovery: Discovery,
  given: DispatcherOptions,
  path: string,
): ReplayingDispatcher {
  const host = hostOf(discovery, path);
  const options = checkDispatcherOptions(given, path) as DispatcherOptions;
  const undici = peer(options.undici);
  checkPool(undici, options.pool, path);
  const services = new ServicePools(host, undici, options);

  // Made here and not at the import: it stands on the class of the undici that is used.
  class ConsulDispatcher extends undici.Dispatcher {
    override dispatch(request: never, handler: never): boolean {
      return services.dispatch(request, handler, undefined);
    }

    replaying(request: DispatchOptions, handler: Handler, replay: unknown): boolean {
      return services.dispatch(request, handler, replay);
    }

    get closed(): boolean {
      return services.closed;
    }

    get destroyed(): boolean {
      return services.destroyed;
    }

    get webSocketOptions(): unknown {
      return services.bounds.webSocketOptions;
    }

    get eventSourceOptions(): unknown {
      return services.bounds.eventSourceOptions;
    }

    override close(callback?: unknown): never {
      return inUndicisManner(services.close(), callback);
    }

    override destroy(...args: unknown[]): never {
      const error = args.find((each) => each instanceof Error) as Error | undefined;
      return inUndicisManner(
        services.destroy(error ?? null),
        args.find((each) => typeof each === 'function'),
      );
    }
  }
  return new ConsulDispatcher() as unknown as ReplayingDispatcher;
}

/** undici alone knows what its pools take: it is asked now, and not at the first request. */
function checkPool(undici: Undici, options: Pool.Options | undefined, path: string): void {
  if (options === undefined) return;
  try {
    new undici.Pool('http://localhost', options);
    new undici.Client('http://localhost', options);
  } catch (cause) {
    throw new InvalidOptionError(`${path}.pool: ${inWords(cause)}`, { cause });
  }
}

/** A promise, or a call back and nothing. */
function inUndicisManner(end: Promise<void>, callback: unknown): never {
  if (typeof callback !== 'function') return end as never;
  void end.then(
    () => callback(null),
    (error) => callback(error),
  );
  return undefined as never;
}
