import type { Dispatcher } from 'undici';
import { hostOf } from '../../adapter-host.ts';
import type { Discovery } from '../../discovery.ts';
import { Hosts } from '../hosts.ts';
import { askerFor, tellFailure, understandable } from './askers.ts';
import type { DispatchOptions, Handler } from './dispatch.ts';
import { Exchange } from './exchange.ts';
import { speaksH2 } from './http-version.ts';
import { checkRequestOptions, type RequestOptions } from './options.ts';
import { knowsOldHandlers, peer } from './peer.ts';
import { Redirected } from './redirected.ts';
import { requestSetup } from './request-setup.ts';
import { Origins } from './service-origin.ts';

/**
 * For a stack of interceptors of one's own: `new Agent().compose(interceptor(discovery))`. What is meant for a service goes on to the
 * address of one of its endpoints, each attempt by itself; all else goes on as it is. The connections are those of the dispatcher below.
 *
 * Costs more than `createDispatcher()`: options and headers are copied for each request.
 *
 * @throws InvalidOptionError; PeerError where undici is missing or cannot work on this Node.
 */
export function interceptor(
  discovery: Discovery,
  given: RequestOptions = {},
): Dispatcher.DispatcherComposeInterceptor {
  const host = hostOf(discovery, 'interceptor');
  const options = checkRequestOptions(given, 'interceptor') as RequestOptions;
  const undici = peer(options.undici);
  const hosts = new Hosts(host, options);
  const origins = new Origins();
  const setup = requestSetup(host, undici, options);
  const old = knowsOldHandlers(undici);

  const intercept = (below: (request: DispatchOptions, handler: Handler) => boolean) =>
    function dispatch(request: DispatchOptions, handler: Handler): boolean {
      let redirected: Redirected | undefined;
      let service: ReturnType<Hosts['service']>;
      try {
        const origin = origins.of(request.origin);
        service = origin && hosts.service(origin.hostname, origin.port, origin.secure);
        redirected = origin && new Redirected(below, origin, options);
      } catch (error) {
        tellFailure(handler, error);
        return false;
      }
      const sent = speaksH2(request, handler, old) ? request : { ...request, allowH2: false };
      if (service === undefined || redirected === undefined) return below(sent, understandable(handler, old));
      new Exchange(setup, service, redirected, askerFor(handler, old), sent, undefined).start();
      return true;
    };
  return intercept as never;
}
