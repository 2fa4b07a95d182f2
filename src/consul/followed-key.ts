import { orAbort } from '../abort.ts';
import { signal as aSignal, fields, refuse } from '../checks.ts';
import { ClosedError, ConsulError, InvalidOptionError } from '../errors.ts';
import { keepAliveDuring } from '../keep-alive.ts';
import type { ConsulHttp } from './http.ts';
import { entryOf, type KvEntry, type RawEntry } from './kv-entry.ts';
import { readRequest } from './kv-options.ts';
import { watching } from './kv-watch.ts';
import type { LiveConfig, LiveConfigOptions } from './live-config.ts';
import { onAbort } from './on-abort.ts';

const checkReady = fields({ signal: aSignal });

/** @internal What `liveConfig()` gives out. */
export class FollowedKey<T> implements LiveConfig<T> {
  readonly #key: string;
  readonly #parse: (text: string, entry: KvEntry) => T;
  readonly #onError: (error: unknown) => void;
  readonly #listeners = new Set<{ readonly listener: (value: T) => void }>();
  readonly #end = new AbortController();
  readonly #first: Promise<T>;
  #settleFirst!: { readonly resolve: (value: T) => void; readonly reject: (error: unknown) => void };
  #value: { readonly is: T } | undefined;
  readonly #forget: (() => void) | undefined;
  #version = 0;
  /** Why the newest state of the key is not the value, and why there may be a newer one. */
  #invalid: unknown;
  #outage: unknown;

  constructor(
    http: ConsulHttp,
    key: string,
    path: string,
    parse: (text: string, entry: KvEntry) => T,
    { initial, onError, signal, ...reads }: LiveConfigOptions<T>,
  ) {
    this.#key = key;
    this.#parse = parse;
    this.#onError = onError ?? warnOf(key);
    this.#first = new Promise((resolve, reject) => {
      this.#settleFirst = { resolve, reject };
    });
    // Nobody may ever ask for it.
    this.#first.catch(() => {});
    if (initial !== undefined) this.#take(initial, 0);
    this.#forget = signal && onAbort(signal, () => this.close());
    if (signal?.aborted) this.close();
    else void this.#follow(http, path, reads);
  }

  get value(): T {
    if (this.#value !== undefined) return this.#value.is;
    throw new InvalidOptionError(
      `liveConfig ${this.#key}: there is no value yet: await ready(), or give \`initial\`.`,
    );
  }

  get version(): number {
    return this.#version;
  }

  get error(): unknown {
    return this.#outage ?? this.#invalid;
  }

  async ready(options: { readonly signal?: AbortSignal } = {}): Promise<T> {
    const { signal } = checkReady(options, 'liveConfig.ready');
    return keepAliveDuring(orAbort(this.#first, signal));
  }

  subscribe(listener: (value: T) => void): () => void {
    if (typeof listener !== 'function') refuse('liveConfig.subscribe', 'a function', listener);
    const subscription = { listener };
    this.#listeners.add(subscription);
    return () => void this.#listeners.delete(subscription);
  }

  close(): void {
    if (this.#end.signal.aborted) return;
    const closed = new ClosedError(`liveConfig ${this.#key} was closed.`);
    this.#settleFirst.reject(closed);
    this.#listeners.clear();
    this.#forget?.();
    this.#end.abort(closed);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #follow(http: ConsulHttp, path: string, reads: Parameters<typeof readRequest>[0]): Promise<void> {
    const setup = {
      path,
      request: readRequest({ ...reads, signal: this.#end.signal }),
      background: true,
      // Whatever it is: a token may be replaced, a right be given.
      onFailure: (error: unknown, row: number) => {
        this.#outage = error;
        if (row === 0) this.#say(error);
      },
      onRecovery: () => {
        this.#outage = undefined;
      },
    };
    try {
      for await (const [entry] of watching(http, setup)) this.#see(entry);
    } catch {
      // Closed.
    }
    this.close();
  }

  #see(raw: RawEntry | undefined): void {
    if (raw === undefined) {
      if (this.#version > 0)
        this.#fail(
          new ConsulError(`${this.#key} was deleted; its last value is used on.`, { status: 404, body: '' }),
        );
      return;
    }
    const entry = entryOf(raw);
    let value: T;
    try {
      value = this.#parse(entry.value, entry);
      if (value instanceof Promise) {
        value.catch(() => {});
        throw new InvalidOptionError('liveConfig: `parse` has to be synchronous, and returned a promise.');
      }
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#take(value, entry.modifyIndex);
  }

  #take(value: T, version: number): void {
    this.#value = { is: value };
    this.#version = version;
    this.#invalid = undefined;
    this.#settleFirst.resolve(value);
    for (const { listener } of [...this.#listeners]) {
      try {
        listener(value);
      } catch (error) {
        this.#say(error);
      }
    }
  }

  #fail(error: unknown): void {
    this.#invalid = error;
    this.#say(error);
  }

  #say(error: unknown): void {
    try {
      this.#onError(error);
    } catch (worse) {
      // A failing listener must not end the following; it must not go unnoticed either.
      warnOf(this.#key)(worse);
    }
  }
}

function warnOf(key: string): (error: unknown) => void {
  return (error) =>
    process.emitWarning(`liveConfig ${key}: ${error instanceof Error ? error.message : String(error)}`, {
      type: 'DiscoveryWarning',
      code: 'LIVE_CONFIG',
    });
}
