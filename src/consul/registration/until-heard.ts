import { sleep } from '../../clock.ts';
import { DiscoveryError } from '../../errors.ts';
import type { ConsulHttp } from '../http.ts';
import { mayPass } from '../may-pass.ts';
import { retryDelay } from '../retry-delay.ts';

export interface Patience {
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds in all; `undefined`: without end. */
  readonly timeout?: number | undefined;
  readonly onFailure?: (error: unknown) => void;
}

/**
 * Asks until Consul answers, with growing pauses: 1 s, 2 s, 4 s … 30 s.
 *
 * @throws what `ask` rejects with where that will not pass; DiscoveryError ERR_TIMEOUT; `signal.reason`; ClosedError.
 */
export async function untilHeard<T>(
  http: ConsulHttp,
  what: string,
  ask: (signal: AbortSignal) => Promise<T>,
  { signal, timeout, onFailure }: Patience,
): Promise<T> {
  const late = new AbortController();
  let last: unknown;
  const giveUp = () => {
    const why = last instanceof Error ? `: ${last.message}` : '.';
    late.abort(
      new DiscoveryError('ERR_TIMEOUT', `${what}: not done in ${timeout} ms${why}`, {
        ...(last !== undefined && { cause: last }),
      }),
    );
  };
  const timer = timeout === undefined ? undefined : http.clock.setTimeout(giveUp, timeout);
  const end = AbortSignal.any([late.signal, http.lifetime, ...(signal === undefined ? [] : [signal])]);
  try {
    for (let failures = 0; ; failures++) {
      end.throwIfAborted();
      try {
        return await ask(end);
      } catch (error) {
        end.throwIfAborted();
        if (!mayPass(error)) throw error;
        last = error;
        onFailure?.(error);
      }
      await sleep(http.clock, retryDelay(failures), end);
    }
  } finally {
    http.clock.clearTimeout(timer);
  }
}
