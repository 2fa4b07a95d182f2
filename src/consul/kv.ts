import { refuse } from '../checks.ts';
import { ClosedError, ConsulError, InvalidOptionError } from '../errors.ts';
import type { ConsulHttp, RequestOptions } from './http.ts';
import { entryOf, type KvEntry, type RawEntries, type RawEntry, rawEntries } from './kv-entry.ts';
import {
  checkDelete,
  modifyIndex as checkIndex,
  checkKeys,
  checkPut,
  checkRead,
  checkWatch,
  type KvDeleteOptions,
  type KvKeysOptions,
  type KvPutOptions,
  type KvReadOptions,
  type KvWatchOptions,
  readRequest,
} from './kv-options.ts';
import { warnOf } from './kv-warning.ts';
import { watching } from './kv-watch.ts';
import { mayPass } from './may-pass.ts';
import { keyInPath, prefixInPath } from './path.ts';
import { json } from './request-options.ts';

export type { KvEntry } from './kv-entry.ts';
export type {
  KvDeleteOptions,
  KvKeysOptions,
  KvPutOptions,
  KvReadOptions,
  KvWatchOptions,
} from './kv-options.ts';

/** Consul refuses more. */
const longestValue = 512 * 1_024;

/** Consul's KV store. Keys are paths without a leading slash; each method throws as `request()` and InvalidOptionError. */
export class Kv {
  readonly #http: ConsulHttp;

  constructor(http: ConsulHttp) {
    this.#http = http;
  }

  /** `undefined` where there is no such key. */
  async get(key: string, options: KvReadOptions = {}): Promise<KvEntry | undefined> {
    const given = checkRead(options, 'kv.get') as KvReadOptions;
    const path = `/v1/kv/${keyInPath(key, 'kv.get')}`;
    return first(rawEntries((await this.#read(path, given)).body));
  }

  /** All keys that begin with `prefix`, in the order of their bytes; `''`: all there are. */
  async list(prefix: string, options: KvReadOptions = {}): Promise<readonly KvEntry[]> {
    const given = checkRead(options, 'kv.list') as KvReadOptions;
    const path = `/v1/kv/${prefixInPath(prefix, 'kv.list')}`;
    return rawEntries((await this.#read(path, given, { recurse: true })).body).map(entryOf);
  }

  /** The names alone. */
  async keys(prefix: string, options: KvKeysOptions = {}): Promise<readonly string[]> {
    const { separator, ...given } = checkKeys(options, 'kv.keys') as KvKeysOptions;
    const path = `/v1/kv/${prefixInPath(prefix, 'kv.keys')}`;
    const { body } = await this.#read(path, given, { keys: true, separator });
    return Array.isArray(body) ? body : [];
  }

  /**
   * Text and bytes are stored as they are, at most 512 KiB; all else as JSON.
   *
   * @returns false where `cas`, `acquire` or `release` found another state than was meant: nothing is changed then.
   */
  async put(key: string, value: unknown, options: KvPutOptions = {}): Promise<boolean> {
    const { datacenter, signal, ...query } = checkPut(options, 'kv.put') as KvPutOptions;
    const path = `/v1/kv/${keyInPath(key, 'kv.put')}`;
    const body = bytesOf(value);
    if (body.byteLength > longestValue) {
      throw new InvalidOptionError(
        `kv.put: the value of ${JSON.stringify(key)} has ${body.byteLength} bytes; Consul stores at most ${longestValue}.`,
      );
    }
    const given = { query: { ...query, dc: datacenter }, body, signal };
    return (await this.#http.request('PUT', path, given)).body === true;
  }

  /** @returns false where `cas` found another state. A key that is not there counts as deleted. */
  async delete(key: string, options: KvDeleteOptions = {}): Promise<boolean> {
    const { datacenter, signal, ...query } = checkDelete(options, 'kv.delete') as KvDeleteOptions;
    const name = query.recurse === true ? prefixInPath(key, 'kv.delete') : keyInPath(key, 'kv.delete');
    const given = { query: { ...query, dc: datacenter }, signal };
    return (await this.#http.request('DELETE', `/v1/kv/${name}`, given)).body === true;
  }

  /** Stores as JSON, text too. */
  async putJson(key: string, value: unknown, options: KvPutOptions = {}): Promise<boolean> {
    return this.put(key, json(value, 'kv.putJson'), options);
  }

  /**
   * Reads JSON; `undefined` where there is no such key.
   *
   * @param validate returns what is used, or throws.
   * @throws ConsulError where it is no JSON or `validate` throws: that is its `cause`.
   */
  async getJson<T = unknown>(
    key: string,
    validate: (value: unknown) => T = (value) => value as T,
    options: KvReadOptions = {},
  ): Promise<T | undefined> {
    const found = await this.get(key, options);
    if (found === undefined) return undefined;
    try {
      return validate(JSON.parse(found.value));
    } catch (cause) {
      throw new ConsulError(
        `kv.getJson: ${key} does not hold what it should: ${cause instanceof Error ? cause.message : String(cause)}`,
        { status: 200, body: '' },
        { cause },
      );
    }
  }

  /**
   * Waits for one change after `modifyIndex` (0: for the key to appear), however long that takes; `undefined` where it was deleted. What
   * changed before the call counts.
   *
   * @throws ClosedError when the client is closed; `signal.reason`.
   */
  async wait(key: string, modifyIndex: number, options: KvWatchOptions = {}): Promise<KvEntry | undefined> {
    checkIndex(modifyIndex, 'kv.wait.modifyIndex');
    for await (const found of this.watch(key, options)) {
      if ((found?.modifyIndex ?? 0) !== modifyIndex) return found;
    }
    throw new ClosedError('The Consul client was closed.');
  }

  /**
   * The key as it is now, then after each change; `undefined` while there is none. The newest state is never missed, values in between
   * may be. Goes on through failures of Consul; ends with the client, rejects with `signal.reason`, and with ConsulError where Consul refuses
   * (4xx).
   */
  async *watch(
    key: string,
    options: KvWatchOptions = {},
  ): AsyncGenerator<KvEntry | undefined, void, undefined> {
    const given = checkWatch(options, 'kv.watch') as KvWatchOptions;
    const path = `/v1/kv/${keyInPath(key, 'kv.watch')}`;
    for await (const entries of this.#watch(path, {}, given, `kv.watch ${key}`)) yield first(entries);
  }

  /** The same for all keys that begin with `prefix`: each time all of them. */
  async *watchList(
    prefix: string,
    options: KvWatchOptions = {},
  ): AsyncGenerator<readonly KvEntry[], void, undefined> {
    const given = checkWatch(options, 'kv.watchList') as KvWatchOptions;
    const path = `/v1/kv/${prefixInPath(prefix, 'kv.watchList')}`;
    const what = `kv.watchList ${prefix}`;
    for await (const entries of this.#watch(path, { recurse: true }, given, what)) yield entries.map(entryOf);
  }

  #watch(
    path: string,
    query: RequestOptions['query'],
    given: KvWatchOptions,
    what: string,
  ): AsyncGenerator<readonly RawEntry[], void, undefined> {
    const { onError = warnOf(what), ...reads } = given;
    return watching(this.#http, {
      path,
      request: readRequest(reads, query),
      background: false,
      onFailure: (error, row) => {
        if (!mayPass(error)) throw error;
        if (row === 0) onError(error);
      },
    });
  }

  #read(path: string, options: KvReadOptions, query: RequestOptions['query'] = {}) {
    return this.#http.request<RawEntries>('GET', path, { ...readRequest(options, query), accept: [404] });
  }
}

function first(entries: readonly RawEntry[]): KvEntry | undefined {
  return entries[0] === undefined ? undefined : entryOf(entries[0]);
}

function bytesOf(value: unknown): Uint8Array {
  if (typeof value === 'string') return Buffer.from(value);
  if (value instanceof Uint8Array) return value;
  if (value === undefined) return refuse('kv.put', 'text, bytes or what JSON can say', value);
  return Buffer.from(json(value, 'kv.put'));
}
