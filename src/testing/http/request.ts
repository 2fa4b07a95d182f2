import type { IncomingHttpHeaders } from 'node:http';
import { Refusal } from './reply.ts';

/** A question to the HTTP API, taken apart. */
export class Question {
  readonly method: string;
  /** Decoded, without the query. */
  readonly path: string;
  /** What comes after the endpoint's own path. */
  rest: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** Aborts when whoever asked is gone. */
  readonly signal: AbortSignal;

  constructor(from: Omit<Question, 'rest' | 'has' | 'value' | 'flag' | 'token'>) {
    this.method = from.method;
    this.path = from.path;
    this.rest = '';
    this.query = from.query;
    this.headers = from.headers;
    this.body = from.body;
    this.signal = from.signal;
  }

  has(name: string): boolean {
    return this.query.has(name);
  }

  /** '' where it is not there. */
  value(name: string): string {
    return this.query.get(name) ?? '';
  }

  /** `?name` and `?name=true` are true, as Go reads booleans. */
  flag(name: string): boolean {
    if (!this.has(name)) return false;
    const value = this.value(name);
    if (value === '') return true;
    const read = goBoolean(value);
    if (read === undefined) throw new Refusal(400, `Invalid value for ?${name}`);
    return read;
  }

  get token(): string {
    const header = this.headers['x-consul-token'];
    if (typeof header === 'string' && header !== '') return header;
    const bearer = /^Bearer\s+(\S+)\s*$/i.exec(this.headers.authorization ?? '');
    return bearer?.[1] ?? this.value('token');
  }
}

export function goBoolean(text: string): boolean | undefined {
  if (['1', 't', 'T', 'TRUE', 'true', 'True'].includes(text)) return true;
  if (['0', 'f', 'F', 'FALSE', 'false', 'False'].includes(text)) return false;
  return undefined;
}
