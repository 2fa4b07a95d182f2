import { signal as aSignal, callable, fields, flag, number, oneOf, text } from '../checks.ts';
import type { RequestOptions } from './request-options.ts';

export interface KvReadOptions {
  readonly datacenter?: string;
  /** Default `'default'`, whatever the client's: a write of one's own is to be seen by the next read. */
  readonly consistency?: 'default' | 'stale' | 'consistent';
  readonly signal?: AbortSignal;
}

export interface KvKeysOptions extends KvReadOptions {
  /** Only up to it, as a directory lists: `'/'`. */
  readonly separator?: string;
}

export interface KvWatchOptions extends KvReadOptions {
  /** Consul does not answer; called once for each outage, the watch goes on. Default: a warning of the process. */
  readonly onError?: (error: unknown) => void;
}

export interface KvPutOptions {
  readonly datacenter?: string;
  /** 0…2⁵³ − 1. */
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
  /** Only where the key's `modifyIndex` still is this. */
  readonly cas?: number;
  /** Everything that begins with the key. Default `false`. */
  readonly recurse?: boolean;
  readonly signal?: AbortSignal;
}

export const modifyIndex = number(0, Number.MAX_SAFE_INTEGER, { whole: true });
const reading = {
  datacenter: text,
  consistency: oneOf('default', 'stale', 'consistent'),
  signal: aSignal,
};
export const checkRead = fields(reading);
export const checkKeys = fields({ ...reading, separator: text });
export const checkWatch = fields({ ...reading, onError: callable<(error: unknown) => void>('a function') });
export const checkPut = fields({
  datacenter: text,
  flags: modifyIndex,
  cas: modifyIndex,
  acquire: text,
  release: text,
  signal: aSignal,
});
// Consul takes 0 for "whatever it is", which here could only be a mistake.
export const checkDelete = fields({
  datacenter: text,
  cas: number(1, Number.MAX_SAFE_INTEGER, { whole: true }),
  recurse: flag,
  signal: aSignal,
});
/** How a request says it. */
export function readRequest(
  { datacenter, consistency = 'default', signal }: KvReadOptions,
  query: RequestOptions['query'] = {},
): Pick<RequestOptions, 'query' | 'consistency' | 'signal'> {
  return { query: { ...query, dc: datacenter }, consistency, signal };
}
