import { signal as aSignal, type Check, fields, flag, number, refuse, text } from '../checks.ts';
import { sleep } from '../clock.ts';
import { ConsulError, InvalidOptionError } from '../errors.ts';
import { keepAlive } from '../keep-alive.ts';
import { changed, nextIndex } from './blocking.ts';
import type { ConsulHttp, ConsulResponse } from './http.ts';
import { keyInPath, prefixInPath } from './path.ts';
import { retryDelay } from './retry-delay.ts';

/** One key as it is now. */
export interface KvEntry {
  readonly key: string;
  /** The bytes as text, UTF-8. */
  readonly value: string;
  readonly bytes: Uint8Array;
  /** A number of the writer's, 0…2⁵³. */
  readonly flags: number;
  /** Counts its changes: what `put({ cas })` compares with. */
  readonly modifyIndex: number;
  readonly createIndex: number;
  /** How often it was acquired as a lock. */
  readonly lockIndex: number;
  /** The session that holds it. */
  readonly session: string | undefined;
}

export interface KvReadOptions {
  readonly datacenter?: string;
  readonly consistency?: 'default' | 'stale' | 'consistent';
  readonly signal?: AbortSignal;
}

export interface KvPutOptions {
  readonly datacenter?: string;
  readonly flags?: number;
  /** Only where the key's `modifyIndex` still is this; 0: only where there is no such key. */
  readonly cas?: number;
  /** Take the key as a lock for this session, or give it back. */
  readonly acquire?: string;
  readonly release?: string;
  readonly signal?: AbortSignal;
}

export interface KvDeleteOptions {
  readonly datacenter?: string;
  readonly cas?: number;
  /** Everything that begins with the key. Default `false`. */
  readonly recurse?: boolean;
  readonly signal?: AbortSignal;
}

interface RawEntry {
  readonly Key: string;
  readonly Value: string | null;
  readonly Flags: number;
  readonly ModifyIndex: number;
  readonly CreateIndex: number;
  readonly LockIndex: number;
  readonly Session?: string;
}

const index = number(0, Number.MAX_SAFE_INTEGER, { whole: true });
const consistency: Check<'default' | 'stale' | 'consistent'> = (value, path) =>
  value === 'default' || value === 'stale' || value === 'consistent'
    ? value
    : refuse(path, "'default', 'stale' or 'consistent'", value);
const checkRead = fields({ datacenter: text, consistency, signal: aSignal });
const checkPut = fields({
  datacenter: text,
  flags: index,
  cas: index,
  acquire: text,
  release: text,
  signal: aSignal,
});
const checkDelete = fields({ datacenter: text, cas: index, recurse: flag, signal: aSignal });
/** Consul refuses more. */
const longestValue = 512 * 1_024;

/** Consul's KV store. Keys are paths without a leading slash. */
export class Kv {
  readonly #http: ConsulHttp;

  constructor(http: ConsulHttp) {
    this.#http = http;
  }

  /** `undefined` where there is no such key. @throws as `request()`. */
  async get(key: string, options: KvReadOptions = {}): Promise<KvEntry | undefined> {
    const { path, rest } = this.#read(key, options, 'kv.get');
    const { body } = await this.#http.request<readonly RawEntry[] | undefined>('GET', path, {
      ...rest,
      accept: [404],
    });
    return entryOf(body);
  }

  /** All keys that begin with `prefix`, sorted; `''`: all there are. */
  async list(prefix: string, options: KvReadOptions = {}): Promise<readonly KvEntry[]> {
    const { rest } = this.#read('x', options, 'kv.list');
    const { body } = await this.#http.request<readonly RawEntry[] | undefined>(
      'GET',
      `/v1/kv/${prefixOf(prefix, 'kv.list')}`,
      {
        ...rest,
        query: { ...rest.query, recurse: true },
        accept: [404],
      },
    );
    return Array.isArray(body) ? body.map(entry) : [];
  }

  /** The names alone; with `separator` only up to it, as a directory lists. */
  async keys(
    prefix: string,
    options: KvReadOptions & { readonly separator?: string } = {},
  ): Promise<readonly string[]> {
    const { separator, ...others } = options;
    const { rest } = this.#read('x', others, 'kv.keys');
    const { body } = await this.#http.request<readonly string[] | undefined>(
      'GET',
      `/v1/kv/${prefixOf(prefix, 'kv.keys')}`,
      {
        ...rest,
        query: { ...rest.query, keys: true, separator },
        accept: [404],
      },
    );
    return Array.isArray(body) ? body : [];
  }

  /**
   * Text and bytes are stored as they are, at most 512 KiB; all else as JSON.
   *
   * @returns false where `cas`, `acquire` or `release` found another state than was meant: nothing is changed then.
   */
  async put(key: string, value: unknown, options: KvPutOptions = {}): Promise<boolean> {
    const { datacenter, signal, ...query } = checkPut(options, 'kv.put') as KvPutOptions;
    const body = bytesOf(value);
    if (body.byteLength > longestValue) {
      throw new InvalidOptionError(
        `kv.put: the value of ${JSON.stringify(key)} has ${body.byteLength} bytes; Consul stores at most ${longestValue}.`,
      );
    }
    const response = await this.#http.request<boolean>('PUT', `/v1/kv/${keyInPath(key, 'kv.put')}`, {
      query: { ...query, dc: datacenter },
      body,
      signal,
    });
    return response.body === true;
  }

  /** @returns false where `cas` found another state. A key that is not there counts as deleted. */
  async delete(key: string, options: KvDeleteOptions = {}): Promise<boolean> {
    const { datacenter, signal, ...query } = checkDelete(options, 'kv.delete') as KvDeleteOptions;
    const path = query.recurse === true ? prefixOf(key, 'kv.delete') : keyInPath(key, 'kv.delete');
    const response = await this.#http.request<boolean>('DELETE', `/v1/kv/${path}`, {
      query: { ...query, dc: datacenter },
      signal,
    });
    return response.body === true;
  }

  /** Stores as JSON. */
  putJson(key: string, value: unknown, options: KvPutOptions = {}): Promise<boolean> {
    return this.put(key, JSON.stringify(value), options);
  }

  /**
   * Reads JSON; `undefined` where there is no such key.
   *
   * @param validate returns what is used, or throws: its error is the `cause`.
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
        `kv.getJson: ${key} does not hold what it should: ${(cause as Error).message}`,
        { status: 200, body: '' },
        { cause },
      );
    }
  }

  /** Waits for one change after `modifyIndex` (0: for the key to appear), however long that takes; `undefined` where it was deleted. */
  async wait(key: string, modifyIndex: number, options: KvReadOptions = {}): Promise<KvEntry | undefined> {
    for await (const found of this.watch(key, options)) {
      if ((found?.modifyIndex ?? 0) !== modifyIndex) return found;
    }
    throw this.#http.lifetime.reason;
  }

  /**
   * The key as it is now, then after each change; `undefined` while there is none. The newest state is never missed, values in between
   * may be. Goes on through failures of Consul; ends with the client, rejects with `signal.reason`.
   */
  async *watch(
    key: string,
    options: KvReadOptions = {},
  ): AsyncGenerator<KvEntry | undefined, void, undefined> {
    const { path, rest } = this.#read(key, options, 'kv.watch');
    yield* this.#watching(path, rest, entryOf, (found) => String(found?.modifyIndex ?? 0));
  }

  /** The same for all keys that begin with `prefix`. */
  async *watchList(
    prefix: string,
    options: KvReadOptions = {},
  ): AsyncGenerator<readonly KvEntry[], void, undefined> {
    const { rest } = this.#read('x', options, 'kv.watchList');
    const given = { ...rest, query: { ...rest.query, recurse: true } };
    const all = (body: readonly RawEntry[] | undefined) => (Array.isArray(body) ? body.map(entry) : []);
    yield* this.#watching(`/v1/kv/${prefixOf(prefix, 'kv.watchList')}`, given, all, (entries) =>
      entries.map(({ key: name, modifyIndex }) => `${name} ${modifyIndex}`).join('\n'),
    );
  }

  async *#watching<T>(
    path: string,
    { signal, ...rest }: ReadRequest,
    understand: (body: readonly RawEntry[] | undefined) => T,
    version: (value: T) => string,
  ): AsyncGenerator<T, void, undefined> {
    const http = this.#http;
    let at: number | undefined;
    let known: string | undefined;
    let failures = 0;
    while (!http.lifetime.aborted) {
      signal?.throwIfAborted();
      const letGo = keepAlive();
      let response: ConsulResponse<readonly RawEntry[] | undefined>;
      try {
        response = await changed(http, path, { ...rest, signal, index: at, accept: [404] });
        failures = 0;
      } catch (error) {
        signal?.throwIfAborted();
        if (http.lifetime.aborted) return;
        if (!worthAnotherTry(error)) throw error;
        // From the beginning: Consul may have lost its indexes meanwhile.
        at = undefined;
        await sleep(http.clock, retryDelay(failures++), signal ?? http.lifetime);
        continue;
      } finally {
        letGo();
      }
      at = nextIndex(at, response.index);
      const value = understand(response.body);
      const seen = version(value);
      if (seen === known) continue;
      known = seen;
      yield value;
    }
  }

  #read(key: string, options: KvReadOptions, path: string): { path: string; rest: ReadRequest } {
    const { datacenter, consistency: level, signal } = checkRead(options, path) as KvReadOptions;
    return {
      path: `/v1/kv/${keyInPath(key, path)}`,
      rest: {
        query: { dc: datacenter },
        // A write of one's own is to be seen by the next read.
        consistency: level ?? 'default',
        signal,
      },
    };
  }
}

interface ReadRequest {
  readonly query: Record<string, string | boolean | undefined>;
  readonly consistency: 'default' | 'stale' | 'consistent';
  readonly signal: AbortSignal | undefined;
}

/** Not where Consul understood and refuses: without the right, or without sense. */
export function worthAnotherTry(error: unknown): boolean {
  return !(error instanceof ConsulError && error.status >= 400 && error.status < 500 && error.status !== 429);
}

function prefixOf(prefix: string, path: string): string {
  return prefix === '' ? '' : keyInPath(prefix, path) && prefixInPath(prefix);
}

function entryOf(body: readonly RawEntry[] | undefined): KvEntry | undefined {
  return Array.isArray(body) && body[0] !== undefined ? entry(body[0]) : undefined;
}

function entry({ Key, Value, Flags, ModifyIndex, CreateIndex, LockIndex, Session }: RawEntry): KvEntry {
  const bytes = Buffer.from(Value ?? '', 'base64');
  return {
    key: Key,
    value: bytes.toString(),
    bytes,
    flags: Flags,
    modifyIndex: ModifyIndex,
    createIndex: CreateIndex,
    lockIndex: LockIndex,
    session: Session,
  };
}

function bytesOf(value: unknown): Uint8Array {
  if (typeof value === 'string') return Buffer.from(value);
  if (value instanceof Uint8Array) return value;
  const json = JSON.stringify(value);
  if (json === undefined) throw new InvalidOptionError('kv.put: expected text, bytes or what JSON can say.');
  return Buffer.from(json);
}
