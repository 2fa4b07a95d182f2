import { type Check, fields, number, refuse } from '../checks.ts';
import type { Endpoint } from '../endpoint.ts';

/** One attempt that brought no answer, or one that may be asked for again. */
export interface FailedRequest {
  readonly endpoint: Endpoint;
  /** 1 for the first. */
  readonly attempt: number;
  readonly method: string;
  readonly path: string;
  /** What it failed with; `undefined` where there is a response. */
  readonly error?: unknown;
  /** Of the response, whose body is not read yet. */
  readonly status?: number;
  /** By name in lower case. */
  readonly headers?: Readonly<Record<string, string | readonly string[] | undefined>>;
}

export type RequestRetryOn = readonly number[] | ((failed: FailedRequest) => boolean);

export interface RetryOptions {
  /**
   * Attempts after the first, 0…100, each at another endpoint while there are others, and all taken from the retry budget of the service.
   * Default 1. Without `retryOn` only what is safe is repeated: where no connection was made, so that nothing was sent; and where an
   * idempotent method (RFC 9110, section 9.2.2) with a body that can be sent again got no answer.
   */
  readonly retries?: number;
  /**
   * What else is repeated. Statuses, like `[502, 503, 504]`: for idempotent methods, with `Retry-After` respected. Or a function, called
   * for every failed attempt and every response from 400 on, for every method: only `true` repeats. A body that was sent and cannot be
   * sent again is never repeated. Default: none.
   */
  readonly retryOn?: RequestRetryOn;
  /** Milliseconds for the whole request: all attempts, all waiting, to the end of the body. Default: none. */
  readonly timeout?: number;
  /** Milliseconds for one attempt, to the head of its response. Default: none. */
  readonly attemptTimeout?: number;
}

const longest = 2 ** 31 - 1;

const checkRetryOn: Check<RequestRetryOn> = (value, path) => {
  if (typeof value === 'function') return value as RequestRetryOn;
  const fits =
    Array.isArray(value) && value.every((one) => Number.isInteger(one) && one >= 400 && one <= 599);
  return fits
    ? (value as readonly number[])
    : refuse(path, 'statuses from 400 to 599, like [502, 503, 504], or a function', value);
};

export const retryChecks = {
  retries: number(0, 100, { whole: true }),
  retryOn: checkRetryOn,
  timeout: number(1, longest),
  attemptTimeout: number(1, longest),
};

export const checkRetries = fields(retryChecks);
