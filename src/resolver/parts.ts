import { setMaxListeners } from 'node:events';
import { orAbort } from '../abort.ts';
import { type Check, having, number } from '../checks.ts';
import { type Clock, systemClock } from '../clock.ts';
import type { ServiceName } from '../dns/name.ts';
import { ClosedError, DnsError, InvalidOptionError, ServiceNotFoundError } from '../errors.ts';
import { keepAliveDuring } from '../keep-alive.ts';
import type { Resolution, ResolveOptions, Resolver } from './resolver.ts';

/** What a part made of a question: a list with something in it, or why there is none. */
export type Outcome =
  | { readonly found: Resolution; readonly error?: undefined }
  | { readonly found?: undefined; readonly error: unknown };

export interface PartsOptions {
  /** How long a part may take for an answer, 1… ms, before it counts as failed. Default 5 000; Infinity for no bound. */
  readonly timeout?: number;
  /** @internal */
  readonly clock?: Clock;
}

/** A resolver made of others; closing it closes them. */
export interface CombinedResolver extends Resolver {
  close(): Promise<void>;
}

export const partsFields = {
  timeout: number(1, Number.POSITIVE_INFINITY),
  clock: having<Clock>('now', 'setTimeout', 'clearTimeout'),
};

/** Node's timers go no further. */
const longestTimer = 2 ** 31 - 1;

/** The resolvers that one resolver is made of: asked with a bound on time, closed together. */
export class Parts {
  readonly resolvers: readonly Resolver[];
  readonly clock: Clock;
  readonly #owned: ReadonlySet<Resolver>;
  readonly #timeout: number;
  readonly #lifetime = new AbortController();
  #closing: Promise<void> | undefined;

  /** @param owned what `close()` closes. */
  constructor(
    resolvers: readonly Resolver[],
    { timeout = 5_000, clock = systemClock }: PartsOptions,
    owned: readonly Resolver[] = resolvers,
  ) {
    this.resolvers = resolvers;
    this.#owned = new Set(owned);
    this.clock = clock;
    this.#timeout = timeout;
    // One listener a question in flight: those who ask bound how many that are.
    setMaxListeners(0, this.#lifetime.signal);
  }

  /** The one resolver they make up, which answers by `resolve`. */
  combined(resolve: (name: ServiceName, options: ResolveOptions) => Promise<Resolution>): CombinedResolver {
    return {
      resolve: (name, options = {}) => {
        const work = resolve(name, options);
        return options.background ? work : keepAliveDuring(work);
      },
      close: () => this.close(),
    };
  }

  /** @throws ClosedError; the signal's reason. */
  mustAnswer(signal: AbortSignal | undefined): void {
    this.#lifetime.signal.throwIfAborted();
    signal?.throwIfAborted();
  }

  /**
   * Never rejects: an empty list, an answer that is none, an abort and the end of time are outcomes too. With `after` it may take
   * as long as nothing changes.
   */
  async ask(part: number, name: ServiceName, { signal, ...options }: ResolveOptions): Promise<Outcome> {
    const question = new AbortController();
    setMaxListeners(0, question.signal);
    const bound = options.after === undefined ? this.#timeout : Number.POSITIVE_INFINITY;
    const tooLate = () =>
      question.abort(
        new DnsError('ERR_DNS_TIMEOUT', `No answer within ${bound} ms; no longer waited for.`, []),
      );
    const timer = bound <= longestTimer ? this.clock.setTimeout(tooLate, bound) : undefined;
    const release = [this.#lifetime.signal, signal].map((end) => follow(end, question));
    try {
      const answer = this.resolvers[part]!.resolve(name, { ...options, signal: question.signal });
      return { found: usable(await orAbort(answer, question.signal)) };
    } catch (error) {
      return { error };
    } finally {
      this.clock.clearTimeout(timer);
      for (const stop of release) stop();
    }
  }

  /** Closes each once, also where one fails to; then rejects with that. Idempotent. */
  close(): Promise<void> {
    this.#lifetime.abort(new ClosedError('The resolver was closed.'));
    this.#closing ??= closeAll(this.#owned);
    return this.#closing;
  }
}

/** To know of nothing is an answer. */
export function hasFailed({ found, error }: Outcome): boolean {
  return found === undefined && !(error instanceof ServiceNotFoundError);
}

/** `first, second, …` and perhaps options behind them. */
export function partsOf<O>(
  given: readonly unknown[],
  least: number,
  check: Check<O>,
  path: string,
): { resolvers: readonly Resolver[]; options: O } {
  const isResolver = (value: unknown) => typeof Object(value).resolve === 'function';
  const last = given.at(-1);
  const hasOptions = given.length > 0 && last !== undefined && !isResolver(last) && !Array.isArray(last);
  const resolvers = hasOptions ? given.slice(0, -1) : given.slice(0, last === undefined ? -1 : undefined);
  const wrong = resolvers.findIndex((value) => !isResolver(value));
  if (wrong >= 0) having('resolve')(resolvers[wrong], `${path}: argument ${wrong + 1}`);
  if (resolvers.length < least) {
    throw new InvalidOptionError(`${path}: expected ${least} resolvers or more, got ${resolvers.length}.`);
  }
  return { resolvers: resolvers as Resolver[], options: check(hasOptions ? last : {}, path) };
}

function usable(resolution: Resolution): Resolution {
  if (!Array.isArray(resolution?.addresses)) {
    throw new InvalidOptionError('A resolver must answer { addresses: [...], ttl, complete }.');
  }
  if (resolution.addresses.length > 0) return resolution;
  const { origin, token } = resolution;
  throw new ServiceNotFoundError(`${origin?.server ?? 'The resolver'} answered an empty list.`, { token });
}

/** Ends `question` with `end`. Returns the way to stop that. */
function follow(end: AbortSignal | undefined, question: AbortController): () => void {
  if (end === undefined) return () => {};
  const onAbort = () => question.abort(end.reason);
  if (end.aborted) onAbort();
  else end.addEventListener('abort', onAbort, { once: true });
  return () => end.removeEventListener('abort', onAbort);
}

async function closeAll(resolvers: Iterable<Resolver>): Promise<void> {
  const closing = Array.from(resolvers, async (resolver) => resolver.close?.());
  const failed = (await Promise.allSettled(closing)).find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}
