import { sleep } from '../clock.ts';
import type { ConsulHttp, ConsulResponse, RequestOptions } from './http.ts';

export interface BlockingOptions extends Omit<RequestOptions, 'body'> {
  /** The index of an earlier answer; `undefined` answers now. */
  readonly index?: number | undefined;
  /** Milliseconds Consul may hold the question, 1 000…600 000. Default 240 000. */
  readonly wait?: number;
  /** Nobody awaits it: it must not keep the process alive. Default false. */
  readonly background?: boolean | undefined;
}

/** Below the five minutes after which Consul's own default ends, and after which some middle boxes forget a silent connection. */
const longestWait = 240_000;
/** An index that stands still may not be asked about more often, however soon Consul answers. */
const pause = 1_000;

/**
 * A blocking query: resolves with an answer whose index differs from `index`, however long that takes. Consul may answer earlier
 * without a change; that is not passed on.
 *
 * Follows Consul's rules for clients: an index that goes backwards, as after a restored snapshot, is a change, and the next question
 * begins anew; one below 1 is read as 1, since 0 would not block.
 *
 * @throws as `ConsulHttp.request()`.
 */
export async function changed<T>(
  http: ConsulHttp,
  path: string,
  { index, wait = longestWait, background, ...options }: BlockingOptions = {},
): Promise<ConsulResponse<T>> {
  for (;;) {
    const asked = http.clock.now();
    const blocking = index === undefined ? {} : { index, wait: `${Math.round(wait)}ms` };
    const given = { ...options, query: { ...options.query, ...blocking } };
    const response = background
      ? await http.requestInBackground<T>('GET', path, given)
      : await http.request<T>('GET', path, given);
    if (response.index === undefined || index === undefined || response.index !== index) return response;
    // Held for a while, or answered for nothing: the agent is shutting down, or somebody in between does not wait.
    const took = http.clock.now() - asked;
    if (took < pause) await sleep(http.clock, pause - took, options.signal ?? http.lifetime);
  }
}

/** What to ask with next: see `changed()`. `undefined` begins anew. */
export function nextIndex(before: number | undefined, answered: number | undefined): number | undefined {
  if (answered === undefined) return undefined;
  if (before !== undefined && answered < before) return undefined;
  return Math.max(1, answered);
}
