import type { fetch as UndiciFetch } from 'undici';
import type { Discovery } from '../../discovery.ts';
import { isRepeatable } from '../request-body.ts';
import type { DispatchOptions, Handler } from './dispatch.ts';
import { type ReplayingDispatcher, replayingDispatcher } from './dispatcher.ts';
import type { DispatcherOptions } from './options.ts';
import { inOwnObjects } from './own-objects.ts';
import { peer } from './peer.ts';

/**
 * undici's own `fetch`, over a dispatcher as `createDispatcher()` makes it: `await fetch('http://web.service.consul/users/1')`.
 *
 * It knows `init.body`, which below fetch is a stream: text, buffers and blobs can be sent a second time, where a retry is allowed.
 * Streams, forms and the bodies of Request objects are never buffered, and so never sent twice. Takes `Request` and `FormData` of Node's own
 * as well as undici's. Its type is that of the global `fetch`, in whose place it stands.
 *
 * @throws as `createDispatcher()`.
 */
export function createFetch(discovery: Discovery, options: DispatcherOptions = {}): typeof globalThis.fetch {
  const dispatcher = replayingDispatcher(discovery, options, 'createFetch');
  const undici = peer(options.undici);
  const fetch: typeof UndiciFetch = async (given, options) => {
    const [input, init] = inOwnObjects(undici, given, options);
    // Who brings a dispatcher of his own wants that one.
    if (init.dispatcher !== undefined) return undici.fetch(input, init);
    const replay = repeatable(init.body);
    const used = replay === undefined ? dispatcher : new Replaying(dispatcher, replay);
    return undici.fetch(input, { ...init, dispatcher: used as never });
  };
  return fetch as never;
}

/** As it can be sent again, or `undefined`. */
function repeatable(body: unknown): unknown {
  if (body instanceof URLSearchParams) return body.toString();
  return isRepeatable(body) ? (body ?? undefined) : undefined;
}

/** The dispatcher of one call of fetch. */
class Replaying {
  readonly #dispatcher: ReplayingDispatcher;
  readonly #body: unknown;

  constructor(dispatcher: ReplayingDispatcher, body: unknown) {
    this.#dispatcher = dispatcher;
    this.#body = body;
  }

  dispatch(options: DispatchOptions, handler: Handler): boolean {
    // A redirect may have left the body behind.
    const replay = options.body === undefined || options.body === null ? undefined : this.#body;
    return this.#dispatcher.replaying(options, handler, replay);
  }
}
