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
const leastBetween = 1_000;

/**
 * A blocking query: resolves with an answer whose index differs from `index`, however long that takes.
 *
 * Follows Consul's rules for clients: an index that goes backwards is a change, and the next question begins anew; one below 1 is read as
 * 1, since 0 would not block. Where Consul answers before its time and without a change, it has let go all who waited, as when a snapshot is
 * restored: an index of before may then be ahead of all that will come for a while, and would be waited for in vain. So the next question
 * is put without one.
 *
 * @throws as `ConsulHttp.request()`.
 */
export async function changed<T>(
  http: ConsulHttp,
  path: string,
  { index, wait = longestWait, background, ...options }: BlockingOptions = {},
): Promise<ConsulResponse<T>> {
  let blocking = index !== undefined;
  for (;;) {
    const asked = http.clock.now();
    const query = { ...options.query, ...(blocking && { index, wait: `${Math.round(wait)}ms` }) };
    const given = { ...options, query };
    const response = background
      ? await http.requestInBackground<T>('GET', path, given)
      : await http.request<T>('GET', path, given);
    if (index === undefined || response.index === undefined) return response;
    if (Math.max(1, response.index) !== index) return response;
    const took = http.clock.now() - asked;
    blocking = !blocking || took >= wait;
    if (took < leastBetween) await http.pause(leastBetween - took, options.signal);
  }
}

/** What to ask with next: see `changed()`. `undefined` begins anew. */
export function nextIndex(before: number | undefined, answered: number | undefined): number | undefined {
  if (answered === undefined) return undefined;
  const next = Math.max(1, answered);
  return before !== undefined && next < before ? undefined : next;
}
