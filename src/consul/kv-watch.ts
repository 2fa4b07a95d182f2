import { keepAlive } from '../keep-alive.ts';
import { changed, nextIndex } from './blocking.ts';
import type { ConsulHttp, RequestOptions } from './http.ts';
import { type RawEntries, type RawEntry, rawEntries, sameEntries } from './kv-entry.ts';
import { retryDelay } from './retry-delay.ts';

export interface WatchSetup {
  readonly path: string;
  readonly request: Pick<RequestOptions, 'query' | 'consistency' | 'signal'>;
  /** Nobody awaits it: it must not keep the process alive. */
  readonly background: boolean;
  /** Waiting failed, for the `row`th time in a row (from 0); it is tried again, unless this throws. */
  readonly onFailure: (error: unknown, row: number) => void;
  /** Consul answered again. */
  readonly onRecovery?: () => void;
}

/**
 * What is at a path of the KV store now, then whenever it is something else. Never twice the same, and never an older one after a newer one,
 * but where Consul itself went back. Ends with the client; rejects with `signal.reason`.
 */
export async function* watching(
  http: ConsulHttp,
  { path, request, background, onFailure, onRecovery }: WatchSetup,
): AsyncGenerator<readonly RawEntry[], void, undefined> {
  const { signal } = request;
  let at: number | undefined;
  let known: readonly RawEntry[] | undefined;
  let failures = 0;
  let fruitless = 0;
  while (!http.lifetime.aborted) {
    signal?.throwIfAborted();
    const letGo = background ? () => {} : keepAlive();
    try {
      const asked = http.clock.now();
      const anew = at === undefined && known !== undefined;
      const response = await changed<RawEntries>(http, path, {
        ...request,
        // A leader that was just elected may not yet know what is on its disk, and show keys as deleted: it is asked to make sure.
        ...(anew && request.consistency === 'default' && { consistency: 'consistent' }),
        index: at,
        accept: [404],
        background,
      });
      if (failures > 0) onRecovery?.();
      failures = 0;
      at = nextIndex(at, response.index);
      const found = rawEntries(response.body);
      if (known !== undefined && sameEntries(known, found)) {
        // A key that is not there is woken by whatever else is written.
        fruitless = http.clock.now() - asked > longestRest ? 0 : fruitless + 1;
        const rest = restAfter(fruitless);
        if (rest > 0) await http.pause(rest, signal);
        continue;
      }
      known = found;
      fruitless = 0;
    } catch (error) {
      signal?.throwIfAborted();
      if (http.lifetime.aborted) return;
      onFailure(error, failures);
      // From the beginning: Consul may have lost its indexes meanwhile.
      at = undefined;
      await http.pause(retryDelay(failures++), signal);
      continue;
    } finally {
      letGo();
    }
    yield known;
  }
}

const longestRest = 1_000;

/** Milliseconds before the next question, after that many answers in a row that said nothing new. */
function restAfter(fruitless: number): number {
  return fruitless < 5 ? 0 : Math.min(longestRest, 25 * 2 ** (fruitless - 5));
}
