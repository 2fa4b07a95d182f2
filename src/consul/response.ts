import { ConsulError } from '../errors.ts';
import type { Answer } from './exchange.ts';
import type { RequestOptions } from './request-options.ts';
import { withoutSecrets } from './secrets.ts';

/** What Consul answered. */
export interface ConsulResponse<T> {
  readonly status: number;
  readonly body: T;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** X-Consul-Index: names this state, for blocking queries. `undefined` where the endpoint has none. */
  readonly index: number | undefined;
  /** X-Consul-LastContact in ms, and whether there was a leader: how stale it may be. */
  readonly lastContact: number | undefined;
  readonly knownLeader: boolean | undefined;
}

/** Of an error, in characters. */
const longestSaid = 500;

/** @param who begins its messages. @throws ConsulError */
export function understood<T>(
  who: string,
  { status, headers, bytes }: Answer,
  { as = 'json', accept = [] }: RequestOptions,
  secrets: readonly string[],
): ConsulResponse<T> {
  if ((status < 200 || status > 299) && !accept.includes(status)) {
    // First blotted, then cut: half a token would not be found.
    const body = withoutSecrets(bytes.toString('utf8', 0, 64 * 1_024).trim(), secrets).slice(0, longestSaid);
    const elsewhere =
      headers.location === undefined ? '' : ` (to ${withoutSecrets(headers.location, secrets)})`;
    throw new ConsulError(`${who} answered ${status}${elsewhere}: ${body || 'nothing more'}`, {
      status,
      body,
    });
  }
  const leader = headers['x-consul-knownleader'];
  return {
    status,
    body: (as === 'bytes' ? bytes : parsed(who, status, bytes)) as T,
    headers,
    index: numberOf(headers['x-consul-index']),
    lastContact: numberOf(headers['x-consul-lastcontact']),
    knownLeader: leader === undefined ? undefined : leader === 'true',
  };
}

/** Some endpoints answer with a bare word or nothing. */
function parsed(who: string, status: number, bytes: Buffer): unknown {
  const text = bytes.toString();
  if (text.trim() === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    if (!/^\s*[[{]/.test(text)) return text;
    // Node's own words would show a piece of it.
    throw new ConsulError(`${who} answered with broken JSON.`, { status, body: '' });
  }
}

function numberOf(header: string | string[] | undefined): number | undefined {
  const value = Number(header);
  return header === undefined || !Number.isFinite(value) ? undefined : value;
}
