import { isIdempotent } from './idempotence.ts';
import { isRepeatable, isUntouched } from './request-body.ts';
import type { FailedRequest, RetryOptions } from './retry-options.ts';

/** What the rules need to know of a request. */
export interface Repeatable {
  readonly method: string;
  readonly headers?: unknown;
  readonly body?: unknown;
  readonly idempotent?: boolean | null;
}

/** How far an attempt came that brought no response. */
export interface HowFar {
  /** Something of the request may have been sent. */
  readonly begun: boolean;
  /** Nothing was, but who was to send it has it still. */
  readonly held: boolean;
}

/** Which attempts may be followed by another: what is safe, and what the user says. */
export class RetryRules {
  readonly retries: number;
  readonly #statuses: readonly number[];
  readonly #decide: ((failed: FailedRequest) => boolean) | undefined;

  constructor({ retries = 1, retryOn = [] }: RetryOptions) {
    this.retries = retries;
    this.#statuses = typeof retryOn === 'function' ? [] : retryOn;
    this.#decide = typeof retryOn === 'function' ? retryOn : undefined;
  }

  /** Whether a status is worth to be thought about: the usual one is not. O(1). */
  concerns(status: number): boolean {
    return (
      status >= 400 && this.retries > 0 && (this.#decide !== undefined || this.#statuses.includes(status))
    );
  }

  /**
   * An attempt brought no response.
   *
   * @param how far it came.
   * @param body what a further attempt would send.
   */
  afterError(request: Repeatable, failed: FailedRequest, how: HowFar, body: unknown): boolean {
    if (!isRepeatable(body) && (how.begun || !isUntouched(body, how.held))) return false;
    if (this.#decide?.(failed) === true) return true;
    return !how.begun || isIdempotent(request.method, request.headers, request.idempotent);
  }

  /** A response came, with a status that `concerns()`. */
  afterStatus(request: Repeatable, failed: FailedRequest, body: unknown): boolean {
    if (!isRepeatable(body)) return false;
    if (this.#decide !== undefined) return this.#decide(failed) === true;
    return isIdempotent(request.method, request.headers, request.idempotent);
  }
}
