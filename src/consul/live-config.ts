import { signal as aSignal, callable, fields, refuse, text } from '../checks.ts';
import { InvalidOptionError } from '../errors.ts';
import type { ConsulHttp } from './http.ts';
import { Kv, type KvEntry } from './kv.ts';

export interface LiveConfigOptions<T> {
  /** What holds while there is no such key. Default: none, and then `ready()` waits for one. */
  readonly initial?: T;
  readonly datacenter?: string;
  /** Called for a value that `parse` refuses, and for failures of Consul: the last valid value stays. Default: a warning, once a kind. */
  readonly onError?: (error: unknown) => void;
  readonly signal?: AbortSignal;
}

export interface LiveConfig<T> extends Disposable {
  /** The last valid one. @throws InvalidOptionError while there is none: await `ready()` first, or give `initial`. */
  readonly value: T;
  /** `modifyIndex` of the key that `value` comes from; 0 for `initial`. */
  readonly version: number;
  /** Why the newest state of the key is not the value; `undefined` where it is. */
  readonly error: unknown;
  /** Resolves with the first valid value. */
  ready(): Promise<T>;
  /** Calls `listener` after each change of `value`. Returns the way to stop it. */
  subscribe(listener: (value: T) => void): () => void;
  close(): void;
}

const checkOptions = fields({
  initial: (value) => value,
  datacenter: text,
  onError: callable<(error: unknown) => void>('a function'),
  signal: aSignal,
});

/**
 * Configuration in one key, always the last valid one: what `parse` throws at is said and not used.
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
  const { initial, datacenter, onError, signal } = checkOptions(
    options,
    'liveConfig',
  ) as LiveConfigOptions<T>;
  if (typeof parse !== 'function') refuse('liveConfig', 'a function that makes a value of the text', parse);
  return new Held(http, key, parse, { initial, datacenter, onError, signal } as LiveConfigOptions<T>);
}

class Held<T> implements LiveConfig<T> {
  readonly #key: string;
  readonly #parse: (text: string, entry: KvEntry) => T;
  readonly #onError: (error: unknown) => void;
  readonly #listeners = new Set<{ readonly listener: (value: T) => void }>();
  readonly #end = new AbortController();
  readonly #first: Promise<T>;
  #settleFirst: { resolve: (value: T) => void; reject: (error: unknown) => void } | undefined;
  #value: { readonly is: T } | undefined;
  version = 0;
  error: unknown;

  constructor(
    http: ConsulHttp,
    key: string,
    parse: (text: string, entry: KvEntry) => T,
    options: LiveConfigOptions<T>,
  ) {
    const { initial, datacenter, onError, signal } = options;
    this.#key = key;
    this.#parse = parse;
    this.#onError =
      onError ??
      ((error) =>
        process.emitWarning(`liveConfig ${key}: ${String(error)}`, { code: 'LIVE_CONFIG_INVALID' }));
    this.#first = new Promise((resolve, reject) => {
      this.#settleFirst = { resolve, reject };
    });
    // Nobody may ever ask for it.
    this.#first.catch(() => {});
    if (initial !== undefined) this.#take(initial, 0);
    signal?.addEventListener('abort', () => this.close(), { once: true });
    void this.#follow(new Kv(http), datacenter);
  }

  get value(): T {
    if (this.#value !== undefined) return this.#value.is;
    throw new InvalidOptionError(
      `liveConfig ${this.#key}: there is no value yet: await ready(), or give \`initial\`.`,
    );
  }

  ready(): Promise<T> {
    return this.#first;
  }

  subscribe(listener: (value: T) => void): () => void {
    const subscription = { listener };
    this.#listeners.add(subscription);
    return () => void this.#listeners.delete(subscription);
  }

  close(): void {
    this.#end.abort(new InvalidOptionError(`liveConfig ${this.#key} was closed.`));
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #follow(kv: Kv, datacenter: string | undefined): Promise<void> {
    const { signal } = this.#end;
    try {
      const options = { signal, ...(datacenter !== undefined && { datacenter }) };
      for await (const entry of kv.watch(this.#key, options)) this.#see(entry);
      this.#settleFirst?.reject(new InvalidOptionError(`liveConfig ${this.#key}: the client was closed.`));
    } catch (error) {
      this.#settleFirst?.reject(error);
      if (!signal.aborted) this.#fail(error);
    }
  }

  #see(entry: KvEntry | undefined): void {
    if (entry === undefined) return;
    let value: T;
    try {
      value = this.#parse(entry.value, entry);
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#take(value, entry.modifyIndex);
  }

  #take(value: T, version: number): void {
    this.#value = { is: value };
    this.version = version;
    this.error = undefined;
    this.#settleFirst?.resolve(value);
    for (const { listener } of [...this.#listeners]) {
      try {
        listener(value);
      } catch (error) {
        this.#onError(error);
      }
    }
  }

  #fail(error: unknown): void {
    this.error = error;
    this.#onError(error);
  }
}
