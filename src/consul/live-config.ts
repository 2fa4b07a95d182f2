import { signal as aSignal, callable, fields, oneOf, refuse, text } from '../checks.ts';
import { FollowedKey } from './followed-key.ts';
import type { ConsulHttp } from './http.ts';
import type { KvEntry } from './kv-entry.ts';
import { keyInPath } from './path.ts';

export interface LiveConfigOptions<T> {
  /** What holds until there is a valid value. Default: none, and then `ready()` waits for one. */
  readonly initial?: T;
  readonly datacenter?: string;
  /** Default `'default'`. `'stale'`: a new process gets its configuration also while Consul has no leader. */
  readonly consistency?: 'default' | 'stale' | 'consistent';
  /**
   * Called once for each value that `parse` refuses, for each outage of Consul, for a key that is deleted, and for a listener that throws.
   * Default: a warning of the process.
   */
  readonly onError?: (error: unknown) => void;
  /** Closes it. */
  readonly signal?: AbortSignal;
}

export interface LiveConfig<T> extends Disposable {
  /** The last valid one. @throws InvalidOptionError while there is none: await `ready()` first, or give `initial`. */
  readonly value: T;
  /** `modifyIndex` of the key that `value` comes from; 0 for `initial`. */
  readonly version: number;
  /** Why `value` may not be what the key holds; `undefined` where it is. */
  readonly error: unknown;
  /** Resolves with the first valid value, `initial` included. @throws ClosedError, `signal.reason`. */
  ready(options?: { readonly signal?: AbortSignal }): Promise<T>;
  /** Calls `listener` after each change of `value`. Returns the way to stop it. */
  subscribe(listener: (value: T) => void): () => void;
  /** The value stays. Idempotent. */
  close(): void;
}

const checkOptions = fields({
  initial: (value) => value,
  datacenter: text,
  consistency: oneOf('default', 'stale', 'consistent'),
  onError: callable<(error: unknown) => void>('a function'),
  signal: aSignal,
});

/**
 * Configuration in one key, always the last valid one: what `parse` throws at is said and not used; neither an outage of Consul nor the end of
 * the key takes the value away. Does not keep the process alive.
 *
 * @param parse synchronous; gets the text of the key.
 * @throws InvalidOptionError
 */
export function liveConfig<T>(
  http: ConsulHttp,
  key: string,
  parse: (text: string, entry: KvEntry) => T,
  options: LiveConfigOptions<T> = {},
): LiveConfig<T> {
  const given = checkOptions(options, 'liveConfig') as LiveConfigOptions<T>;
  const path = `/v1/kv/${keyInPath(key, 'liveConfig')}`;
  if (typeof parse !== 'function') refuse('liveConfig', 'a function that makes a value of the text', parse);
  return new FollowedKey(http, key, path, parse, given);
}
