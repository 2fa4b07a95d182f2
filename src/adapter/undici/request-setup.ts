import type { AdapterHost } from '../../adapter-host.ts';
import { RetryRules } from '../retry-rules.ts';
import type { ExchangeSetup } from './exchange.ts';
import type { RequestOptions } from './options.ts';
import type { Undici } from './peer.ts';

/** What the options say of each request. */
export function requestSetup(
  { clock, random }: AdapterHost,
  undici: Undici,
  options: RequestOptions,
): ExchangeSetup {
  const { timeout = Number.POSITIVE_INFINITY, attemptTimeout = Number.POSITIVE_INFINITY, key } = options;
  return {
    clock,
    random,
    rules: new RetryRules(options),
    timeout,
    attemptTimeout,
    key,
    abortError: () => new undici.errors.RequestAbortedError(),
  };
}
