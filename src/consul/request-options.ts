import { validateHeaderName, validateHeaderValue } from 'node:http';
import { signal as aSignal, type Check, entriesOf, fields, flag, number, oneOf, refuse } from '../checks.ts';
import { InvalidOptionError } from '../errors.ts';

export interface RequestOptions {
  /** Put into the URL; `undefined` and `false` are left out, `true` stands by its bare name, a list once for each. */
  readonly query?: Readonly<Record<string, QueryValue>>;
  /** Text and bytes are sent as they are, all else as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds, 1…86 400 000; on top of what a blocking query may wait. Default: the client's. */
  readonly timeout?: number;
  /** Default: the client's for reading; none for writing. */
  readonly consistency?: 'default' | 'stale' | 'consistent';
  /** `'json'` (default): what is no JSON comes as text, and nothing as `undefined`. `'bytes'`: as they came. */
  readonly as?: 'json' | 'bytes';
  /** Statuses that are an answer and no error. Default: none but 2xx. */
  readonly accept?: readonly number[];
  /**
   * Twice does the same as once, so it is tried again where a connection broke before the answer. Default: GET and HEAD. A request that
   * was not even sent is tried again in any case.
   */
  readonly idempotent?: boolean;
}

export type QueryValue = string | number | boolean | readonly string[] | undefined;

const checkFields = fields({
  query: objectOf<QueryValue>(
    (value) =>
      ['string', 'boolean', 'undefined'].includes(typeof value) ||
      Number.isFinite(value) ||
      (Array.isArray(value) && value.every((one) => typeof one === 'string')),
    'text, a number, true, false or a list of texts',
  ),
  body: (value) => value,
  headers: objectOf<string>(isHeader, 'text that a header can carry'),
  signal: aSignal,
  timeout: number(1, 86_400_000),
  consistency: oneOf('default', 'stale', 'consistent'),
  as: oneOf('json', 'bytes'),
  accept: (value, path) =>
    Array.isArray(value) && value.every(Number.isInteger)
      ? (value as readonly number[])
      : refuse(path, 'a list of statuses', value),
  idempotent: flag,
});

export function checkRequest(options: unknown): RequestOptions {
  return checkFields(options, 'request');
}

/** @throws InvalidOptionError */
export function checkMethod(method: unknown): string {
  return typeof method === 'string' && /^[A-Za-z]+$/.test(method)
    ? method.toUpperCase()
    : refuse('request', "a method like 'GET'", method);
}

/** @throws InvalidOptionError */
export function checkPath(path: unknown): string {
  return typeof path === 'string' && /^\/v1\/[!-~]*$/.test(path) && !path.includes('#')
    ? path
    : refuse('request', "a path like '/v1/agent/self', encoded", path);
}

/** What is sent, and its type. @throws InvalidOptionError for what JSON cannot say. */
export function encoded(body: unknown): { bytes?: Uint8Array; type?: string } {
  if (body === undefined) return {};
  if (typeof body === 'string') return { bytes: Buffer.from(body), type: 'application/octet-stream' };
  if (body instanceof Uint8Array) return { bytes: body, type: 'application/octet-stream' };
  return { bytes: Buffer.from(json(body, 'request.body')), type: 'application/json' };
}

/** @throws InvalidOptionError */
export function json(value: unknown, path: string): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    throw new InvalidOptionError(`${path}: JSON cannot say it: ${(cause as Error).message}`, { cause });
  }
  // Not shown: it may be large, or secret.
  if (text === undefined)
    throw new InvalidOptionError(`${path}: expected what JSON can say, got none of it.`);
  return text;
}

function isHeader(value: unknown, name: string): boolean {
  if (typeof value !== 'string') return false;
  try {
    validateHeaderName(name);
    validateHeaderValue(name, value);
    return true;
  } catch {
    return false;
  }
}

function objectOf<T>(
  fits: (value: unknown, name: string) => boolean,
  expected: string,
): Check<Record<string, T>> {
  return (value, path) => {
    const entries = entriesOf(value, path);
    for (const [name, one] of entries) {
      if (!fits(one, name)) throw new InvalidOptionError(`${path}.${name}: expected ${expected}.`);
    }
    return Object.fromEntries(entries) as Record<string, T>;
  };
}
